"""What all programs have in common: options, commands on standard input, a line of JSON each on standard output."""

import argparse
import json
import os
import resource
import sys
from typing import Any, Final

SPARE_FILES: Final = 100


def options(doc: str | None, **defaults: Any) -> argparse.Namespace:
    """The command line's options: by name their defaults, whose types they have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        kind = "True".__eq__ if isinstance(default, bool) else type(default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help="default: %(default)s")
    return parser.parse_args()


class Commands:
    """Commands on standard input, for an event loop. Never read through a buffer, which would keep lines from epoll.

    Attributes:
        ended: nobody will send any more.
    """

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    def read(self) -> list[tuple[str, str]]:
        """What there is: of each whole line its first word, and what follows it."""
        data = os.read(sys.stdin.fileno(), 65_536)
        self.ended |= not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [(word, rest) for word, _, rest in (line.decode().partition(" ") for line in lines)]


def say(what: dict[str, Any]) -> None:
    """One line of JSON."""
    print(json.dumps(what), flush=True)


def allow_files(sockets: int) -> None:
    """Let this process, and those that it starts from now on, open so many sockets, as far as the hard limit goes.

    A socket is an open file, and a process may have 1,024 where nobody said otherwise.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(sockets + SPARE_FILES, hard)), hard))
