"""The API's URLs, each view in a guard that sees to what django-ninja leaves to others."""

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.defaults import bad_request

from devices.web.api.app import api
from devices.web.api.problems import CONTENT_TYPE, problem, problem_of_status
from devices.web.pages.asyncapi.views import asyncapi
from devices.web.pages.version import HEADER, version_of_pages
from runtime.http.front import MAX_BODY_BYTES


def body_problem(request: HttpRequest) -> HttpResponse | None:
    """What is wrong with the size of a request's body, before anything reads it."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return problem("bad_request", "send the body with its Content-Length", status=HTTPStatus.LENGTH_REQUIRED)
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
        return problem("too_large", f"a request's body has at most {MAX_BODY_BYTES} bytes")
    return None


def text_problem(request: HttpRequest) -> HttpResponse | None:
    """NUL in the path or the parameters: no name has it, and PostgreSQL takes no text with it."""
    if "\0" in request.path:
        return nothing_here(request)
    try:
        given = request.GET.lists()
    except SuspiciousOperation:
        return problem("bad_request", "too many parameters")
    wrong = [name for name, values in given if "\0" in name or any("\0" in value for value in values)]
    return problem("bad_request", f"{', '.join(map(repr, wrong))}: NUL") if wrong else None


def guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view, sync or async: NUL and too large bodies never reach it, HEAD is like GET, all its errors are problems."""

    def before(request: HttpRequest) -> HttpResponse | None:
        if request.method == "HEAD":
            request.method = "GET"  # whoever sends the response leaves its content out
        return text_problem(request) or body_problem(request)

    if iscoroutinefunction(view):

        async def asynchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return before(request) or _finished(request, await view(request, *args, **kwargs))

        return _like(view, markcoroutinefunction(asynchronous))

    def synchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return before(request) or _finished(request, view(request, *args, **kwargs))
        except Http404:
            return nothing_here(request)

    return _like(view, synchronous)


def _like(view: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    functools.update_wrapper(wrapper, view, assigned=("__module__", "__name__", "__doc__"))
    wrapper.csrf_exempt = True  # type: ignore[attr-defined]  # SessionAuth checks it; tokens need none
    return wrapper


def _finished(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An answer as it goes out: errors as problems, nothing kept by caches between, no type without content."""
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and "Allow" in response:
        allowed = {name.strip() for name in response["Allow"].split(",")} | {"OPTIONS"}
        response["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        if request.method == "OPTIONS":
            response = HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": response["Allow"]})
    answer = _as_problem(response)
    if answer.status_code == HTTPStatus.NO_CONTENT and "Content-Type" in answer:
        del answer["Content-Type"]
    answer.headers.setdefault("Cache-Control", "private, no-cache")
    answer.headers[HEADER] = version_of_pages()
    return answer


def _as_problem(response: HttpResponse) -> HttpResponse:
    """Errors that did not come from our operations, like 405, as problems too."""
    if response.status_code < HTTPStatus.BAD_REQUEST or response["Content-Type"] == CONTENT_TYPE:
        return response
    changed = problem_of_status(response.status_code)
    if "Allow" in response:
        changed["Allow"] = response["Allow"]
    return changed


def nothing_here(_request: HttpRequest, **_: Any) -> HttpResponse:
    """The answer for all other paths under /api/."""
    return problem("not_found", "there is no such path in this API; see /api/v1/docs")


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer to what Django itself refuses, before any view: mostly a host name that is none of ours."""
    if not request.path_info.startswith("/api/"):
        return bad_request(request, exception)
    is_host = isinstance(exception, DisallowedHost)
    return problem("bad_request", "this host name is none of ALLOWED_HOSTS" if is_host else "this makes no sense")


def _guarded_patterns() -> tuple[list[URLPattern | URLResolver], str, str]:
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = guarded(pattern.callback)
    patterns.sort(key=lambda pattern: not str(pattern.pattern).endswith("/commands"))  # what is asked for most
    return patterns, app_name, namespace


def only_streamed(_request: HttpRequest) -> HttpResponse:
    """The answer to whatever is no GET or HEAD of event streams: those go to their consumer (config.routing)."""
    return HttpResponseNotAllowed(["GET"])


urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/stream", guarded(only_streamed)),
    path("v1/", _guarded_patterns()),
    path("v1/asyncapi.json", guarded(asyncapi), name="asyncapi"),
    re_path("", guarded(nothing_here)),
]
