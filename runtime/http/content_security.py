"""Content-Security-Policy for every page: nothing from elsewhere, and inline only what carries the response's nonce."""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)


@sync_and_async_middleware
def content_security_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: sets the header; templates put ``request.csp_nonce`` on their import map."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            nonce = _give_nonce(request)
            awaitable: Awaitable[HttpResponse] = get_response(request)
            return _with_policy(await awaitable, nonce)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        nonce = _give_nonce(request)
        return _with_policy(get_response(request), nonce)

    return synchronous


def _give_nonce(request: HttpRequest) -> str:
    nonce = secrets.token_urlsafe(16)
    request.csp_nonce = nonce  # type: ignore[attr-defined]
    return nonce


def _with_policy(response: HttpResponse, nonce: str) -> HttpResponse:
    response.headers.setdefault("Content-Security-Policy", _policy(nonce))
    return response


def frame_ancestors(response: HttpResponse, request: HttpRequest, origins: Iterable[str]) -> None:
    """Let pages of these origins have a response in a frame."""
    nonce: str = request.csp_nonce  # type: ignore[attr-defined]
    response.headers["Content-Security-Policy"] = _policy(nonce, " ".join(origins) or "'none'")


def _policy(nonce: str, ancestors: str = "'none'") -> str:
    return _POLICY.format(nonce=nonce, ancestors=ancestors)
