"""The API's two ways to show who asks: a bearer token, or the cookies of a browser with its CSRF token."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from devices.requests.refusals import ForbiddenError
from devices.web.api.problems import database_outage
from devices.web.auth import Access, access_by_token, access_of_visitor, bearer_token, keep_signed_in
from runtime.request_database import lookups


class TokenAuth(AuthBase):
    """``Authorization: Bearer TOKEN``. A wrong token is an error, even beside a good session."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self) -> None:
        super().__init__()
        self.is_async = True  # an asynchronous operation awaits what it gets; any other takes it as it is

    def __call__(self, request: HttpRequest) -> Access | Awaitable[Access] | None:
        """The token's rights; None without a token."""
        token = bearer_token(request.headers.get("Authorization", ""))
        if token is None:
            return None
        return _looked_up(token) if _in_event_loop() else _valid(access_by_token(token))


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _looked_up(token: str) -> Access:
    return _valid(await lookups.run_once(access_by_token, token))


def _valid(access: Access | None) -> Access:
    if access is None:
        raise AuthenticationError
    return access


class SessionAuth(AuthBase):
    """The session cookie, or a board's; requests that change something need ``X-CSRFToken`` as well."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    csrf = True  # the documentation page then sends the token

    def __call__(self, request: HttpRequest) -> Access | None:
        """The session's rights, else the board's; None: neither is there."""
        access = access_of_visitor(request)
        if access is not None and check_csrf(request):
            raise AuthorizationError(message="the CSRF token is missing or wrong")
        if access is not None and access.board is None:
            keep_signed_in(request)
        return access


def somebody(request: HttpRequest) -> Access:
    """Who asks, in an operation that needs no role."""
    found: Any = getattr(request, "auth", None)
    assert isinstance(found, Access)
    database_outage.ends()
    return found


def person(request: HttpRequest) -> Access:
    """The same, in an operation about what is kept for a user.

    Raises:
        ForbiddenError: it is a board.
    """
    found = somebody(request)
    if found.board is not None:
        raise ForbiddenError("this is kept for people; sign in instead of using a board's link")
    return found


def access(request: HttpRequest) -> Access:
    """Who asks, in an operation.

    Raises:
        ForbiddenError: a user without any role.
    """
    found = somebody(request)
    if not found.sees_any:
        raise ForbiddenError("you have no role at any site; ask an administrator for one")
    return found
