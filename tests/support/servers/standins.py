"""Stand-ins for the official images (``.ci/standins``), where none can be pulled or no daemon runs: root on Debian.

Standard library only, as ``tests.everything`` begins with it.
"""

import contextlib
import shlex
import subprocess
from collections.abc import Callable, Iterator

from tests.support.environment import ROOT
from tests.support.servers.docker_cli import daemon_answers, images_are_named, why_no_official_image
from tests.support.servers.installing import is_debian_root

_SCRIPT = str(ROOT / ".ci" / "standins")
_STOP_TIMEOUT_S = 120


class StandinsError(Exception):
    """The images could not be made, or the daemon that was started for them does not stop."""


def needed() -> bool:
    """Shall we make images? Not if the caller names some, or the official ones can be had."""
    if images_are_named() or not is_debian_root():
        return False
    return not daemon_answers() or why_no_official_image() is not None


@contextlib.contextmanager
def building() -> Iterator[Callable[[], dict[str, str]]]:
    """Stand-in images in the making, if they are needed. A daemon that was started for them ends with the context.

    Yields:
        A function that waits for the images and returns the compose file's variables that name them (none if not
        needed). It raises `StandinsError` if they could not be made; the script has said why on standard error.
    """
    if not needed():
        yield dict
        return
    start = [_SCRIPT, "start"]
    try:
        # Its end is waited for in any case: nothing half made and mounted is left behind.
        with subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            yield lambda: _variables(process)
    finally:
        _stop()


def _variables(process: "subprocess.Popen[str]") -> dict[str, str]:
    printed, _ = process.communicate()
    if process.returncode:
        raise StandinsError("the stand-in images could not be made")
    exported = [shlex.split(line)[1] for line in printed.splitlines() if line.startswith("export ")]
    return dict(one.split("=", 1) for one in exported)


def _stop() -> None:
    stop = [_SCRIPT, "stop"]
    done = subprocess.run(
        stop, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_STOP_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise StandinsError(done.stderr.strip())
