"""Open files: a socket is one, and a process may have 1,024 where nobody said otherwise."""

import resource
from typing import Final

SPARE: Final = 100


class TooFewFilesError(Exception):
    """More sockets are asked for than this user may have open files: ``ulimit -Hn``."""


def allow_files(sockets: int) -> None:
    """Let this process, and those that it starts from now on, open so many sockets besides what else they need.

    Raises:
        TooFewFilesError: see there.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + SPARE
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise TooFewFilesError(f"{sockets} sockets need {wanted} open files; the hard limit is {hard}")
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
