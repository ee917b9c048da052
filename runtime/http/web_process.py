"""What a process that serves thousands of sockets sets for itself."""

import contextlib
import gc
import resource
from typing import Final

from django.core.signals import request_started
from django.db import close_old_connections, reset_queries

_THRESHOLDS: Final = (20_000, 20, 50)  # Python's: 700, 10, 10


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may: 1,024 is usual at first, and each socket is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and then refuses that
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def collect_seldom() -> None:
    """Look for cyclic garbage less often, and not among what is there by now.

    What a socket needs lives long and refers to nothing in a circle; while thousands connect, looking through it again
    and again was half of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def begin_requests_at_once() -> None:
    """Spare each request a hop into its thread before it begins.

    There Django looks after the connections that the requests before have left to the thread. Under ASGI each request
    has a thread of its own, which has none yet.
    """
    request_started.disconnect(reset_queries)
    request_started.disconnect(close_old_connections)
