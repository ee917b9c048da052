"""WhiteNoise in an asynchronous chain of middleware.

WhiteNoise's own middleware is synchronous: every request, static or not, would hold a thread that waits for the event
loop, and one that does so while the process ends waits for ever.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware


@sync_and_async_middleware
def static_files(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: answers requests for static files, passes on the others."""
    whitenoise: Any = WhiteNoiseMiddleware(get_response)
    if not iscoroutinefunction(get_response):
        synchronous: Callable[[HttpRequest], Any] = whitenoise
        return synchronous

    async def asynchronous(request: HttpRequest) -> Any:
        if request.path_info.startswith(whitenoise.static_prefix):
            found = await sync_to_async(_served)(whitenoise, request)
            if found is not None:
                return found
        return await get_response(request)

    return asynchronous


def _served(whitenoise: Any, request: HttpRequest) -> HttpResponse | None:
    path = request.path_info
    file = whitenoise.find_file(path) if whitenoise.autorefresh else whitenoise.files.get(path)
    if file is None:
        return None
    found = file.get_response(request.method, request.META)
    content = b""
    if found.file is not None:
        with contextlib.closing(found.file):
            content = found.file.read()
    answer = HttpResponse(content, status=int(found.status))
    del answer["Content-Type"]
    for name, value in found.headers:
        answer[name] = value
    return answer
