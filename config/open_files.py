"""How many files a web process may have open: each of its sockets is one."""

import contextlib
import resource


def allow_many_sockets() -> None:
    """Raise this process's limit as far as it may: 1,024 is usual at first, and too few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and then refuses that
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
