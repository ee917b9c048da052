"""``python -m tests.everything [PYTEST-ARGUMENTS]``: what ``make test`` does once the prerequisites are here.

Lint, types and the browser's modules; meanwhile, where no official images can be had, stand-ins for them are made. Then
the test suite, on those images. The last line of output is pytest's.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from tests.support.servers import standins

CHECKS = [os.environ.get("MAKE", "make"), "tools", "lint", "jstest"]
SUITE = [sys.executable, "-m", "tests.lanes"]
# Of the make that runs us: its options and its job slots are not for the one that we run.
_OF_MAKE = {"MAKE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


class Steps:
    """Commands one after another, which a signal ends in order."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self._running is None:
            sys.exit(128 + number)
        if number == signal.SIGTERM:  # Ctrl-C reaches the command by itself
            self._running.send_signal(number)

    def run(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> int:
        """One command; returns its exit status, 128 and the signal's number if one has ended it."""
        environment = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
        self._running = subprocess.Popen(command, env={**environment, **(variables or {})})
        status = self._running.wait()
        self._running = None
        return status if status >= 0 else 128 - status


def images(ready: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """The compose file's variables of images, and the tests' own for servers on the same images.

    If they could not be made there are none: the servers run as local programs then, and the compose tests fail.
    """
    try:
        made = ready()
    except standins.StandinsError as error:
        print(error, file=sys.stderr)
        return {}
    return {**made, **{f"CAUSEWAY_TEST_{name}": image for name, image in made.items()}}


def run(arguments: Sequence[str]) -> int:
    """All of it; returns the exit status."""
    status, steps = 1, Steps()
    with contextlib.suppress(standins.StandinsError), standins.building() as ready:  # the last line stays pytest's
        status = steps.run(CHECKS)
        if status == 0:
            status = steps.run([*SUITE, *arguments], images(ready))
    return status


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
