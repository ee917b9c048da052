"""A request's thread gives its database connection back where its work ends, whatever becomes of the request.

Django closes a request's connections when it answers it. A client that gives up ends the request, and soon Daphne ends
what still waits for it; the thread meanwhile works on, or waits for a lock, and its connection would never come back to
the pool.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import connections

_current: ContextVar["RequestThread | None"] = ContextVar("request thread", default=None)


def thread_of_request() -> "RequestThread | None":
    """The thread of the request that is being served; None where requests have none of their own."""
    return _current.get()


class RequestThread(ThreadPoolExecutor):
    """The thread of one request, begun when it is needed; ``is_used``: it has been."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="request")
        self.is_used = False

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Call it after all that was submitted before."""
        self.is_used = True
        return super().submit(call, *arguments, **options)

    def end(self) -> None:
        """Once all calls are done, give the connections back. Does not wait."""
        if self.is_used:
            super().submit(connections.close_all)
        self.shutdown(wait=False)


class RequestThreads:
    """An ASGI application that gives each HTTP request of another one its thread.

    Args:
        application: Django's.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        thread = RequestThread()
        _current.set(thread)
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            thread.end()
