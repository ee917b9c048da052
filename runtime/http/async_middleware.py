"""Django's own middleware without its thread hops.

In an asynchronous chain Django calls each ``process_request`` and ``process_response`` in a thread. Those of the
middleware here only compute, except where they say so; a dozen hops were most of what a request of the API took.
The few calls that may ask the database still go to the thread.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware import clickjacking, common, csrf, security
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import http_date

from runtime.http.front import PROBES
from runtime.http.origins import is_same

_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class _InTheLoop(MiddlewareMixin):
    """Calls the middleware's methods where the request is."""

    async def __acall__(self, request: HttpRequest) -> Any:
        before = getattr(self, "process_request", None)
        response = before(request) if before else None
        response = response or await self.get_response(request)  # type: ignore[misc]
        after = getattr(self, "process_response", None)
        if after is None:
            return response
        return await sync_to_async(after)(request, response) if self.blocks(request) else after(request, response)

    def blocks(self, _request: HttpRequest) -> bool:
        """Whether ``process_response`` may ask the database."""
        return False


class SecurityMiddleware(_InTheLoop, security.SecurityMiddleware):
    """Django's. Each answer also says when it was made (RFC 9110, 6.6.1): by that the pages know the server's time."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Set the headers."""
        response.headers.setdefault("Date", http_date())
        return super().process_response(request, response)


class CommonMiddleware(_InTheLoop, common.CommonMiddleware):
    """Django's. Probes are answered for any Host: who asks has an address or a service's name."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Check the Host header."""
        return None if request.path_info in PROBES else super().process_request(request)


class AuthenticationMiddleware(_InTheLoop, auth.AuthenticationMiddleware):
    """Django's. It asks for the user only when a view wants to know."""


class XFrameOptionsMiddleware(_InTheLoop, clickjacking.XFrameOptionsMiddleware):
    """Django's."""


class SessionMiddleware(_InTheLoop, sessions.SessionMiddleware):
    """Django's. It reads the session only when a view wants to know."""

    def blocks(self, request: HttpRequest) -> bool:
        """A changed session is saved."""
        return bool(request.session.modified)


class MessageMiddleware(_InTheLoop, messages.MessageMiddleware):
    """Django's, but for the API, which has no page to show messages on."""

    def process_request(self, request: HttpRequest) -> None:
        """Have messages at hand."""
        if not request.path_info.startswith("/api/"):
            super().process_request(request)

    def blocks(self, request: HttpRequest) -> bool:
        """Messages may be kept in the session."""
        kept: Any = getattr(request, "_messages", None)
        return kept is not None and (kept.used or kept.added_new)


class CsrfViewMiddleware(_InTheLoop, csrf.CsrfViewMiddleware):
    """Django's."""

    async def process_view(  # type: ignore[override]
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponse | None:
        """Refuse what lacks its token. A form, which may be large, is parsed in the thread."""
        check = super().process_view
        if request.method in _SAFE or getattr(callback, "csrf_exempt", False):
            return check(request, callback, callback_args, callback_kwargs)
        return await sync_to_async(check)(request, callback, callback_args, callback_kwargs)

    def _origin_verified(self, request: HttpRequest) -> bool:
        """Django compares texts; a default port may stand or not."""
        origin, host = request.META["HTTP_ORIGIN"].lower(), request.META.get("HTTP_HOST", "").lower()
        verified: bool = super()._origin_verified(request)  # type: ignore[misc]  # the stubs leave it out
        return verified or is_same(origin, host, secure=request.is_secure())
