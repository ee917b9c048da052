"""WhiteNoise in an asynchronous chain of middleware.

WhiteNoise's own middleware is synchronous: every request, static or not, would hold a thread that waits for the event
loop, and one that does so while the process ends waits for ever.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware

from runtime.http.hashed_names import plain_name

_FOR_GOOD: Final = "max-age=31536000, public, immutable"
_NO_MORE: Final = "This version of the file is no more: load the page again.\n"


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
    return _answer(file, request) if file is not None else _served_by_hash(whitenoise, request)


def _served_by_hash(whitenoise: Any, request: HttpRequest) -> HttpResponse | None:
    """A file whose name in the URL has a hash (runtime.http.hashed_names): it has that content, or it is not there."""
    prefix = whitenoise.static_prefix
    named = plain_name(request.path_info.removeprefix(prefix))
    file = whitenoise.files.get(prefix + named[0]) if named else None
    if named is None or file is None:
        return None
    storage: Any = staticfiles_storage
    if not storage.is_current(*named):
        gone = HttpResponseNotFound(_NO_MORE, content_type="text/plain; charset=utf-8")
        gone["Cache-Control"] = "no-store"
        return gone
    answer = _answer(file, request)
    answer["Cache-Control"] = _FOR_GOOD
    return answer


def _answer(file: Any, request: HttpRequest) -> HttpResponse:
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
