"""What a process that serves thousands of sockets sets for itself."""

import contextlib
import resource

from django.core.signals import request_started
from django.db import close_old_connections, reset_queries


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may: 1,024 is usual at first, and each socket is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and then refuses that
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def begin_requests_at_once() -> None:
    """Spare each request a hop into its thread before it begins.

    There Django looks after the connections that the requests before have left to the thread. Under ASGI each request
    has a thread of its own, which has none yet.
    """
    request_started.disconnect(reset_queries)
    request_started.disconnect(close_old_connections)
