"""How a program speaks with what drives it: commands on standard input, a line of JSON each on standard output."""

import json
import os
import sys
from typing import Any


class Commands:
    """Commands on standard input, for an event loop. Never read through a buffer, which would keep lines from epoll.

    Attributes:
        ended: nobody will send any more.
    """

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    def fileno(self) -> int:
        """Of standard input."""
        return sys.stdin.fileno()

    def read(self) -> list[tuple[str, str]]:
        """What there is: of each whole line its first word, and what follows it."""
        data = os.read(self.fileno(), 65_536)
        self.ended |= not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [(word, rest) for word, _, rest in (line.decode().partition(" ") for line in lines)]


def say(what: dict[str, Any]) -> None:
    """One line of JSON."""
    print(json.dumps(what), flush=True)
