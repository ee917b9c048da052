"""Free TCP ports that stay ours while a server is down."""

import os
import random
import socket
from collections.abc import Iterator

# Below Linux's and macOS's ephemeral ranges: no outgoing connection takes the port of a server that is being restarted.
# Each of the lanes of tests/lanes.py has a fourth of them.
_FIRST = 20_000 + 3_000 * int(os.environ.get("CAUSEWAY_TEST_LANE", "0"))
_RANGE = range(_FIRST, _FIRST + 3_000)


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _candidates() -> Iterator[int]:
    generator = random.SystemRandom()
    while True:
        yield generator.choice(_RANGE)


_given_out: set[int] = set()


def free_port() -> int:
    """A port on the loopback that nobody listens on, and that this test run has not given out before."""
    port = next(port for port in _candidates() if port not in _given_out and _bindable(port))
    _given_out.add(port)
    return port


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Does somebody accept TCP connections there?"""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
