"""Who is at the other end of a socket: by a session cookie or a bearer token, checked again and again."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from msgspec import Struct

from devices.web.auth import Access, access_by_token, access_of, bearer_token


class Session(Struct, frozen=True):
    """A browser's, by its key."""

    key: str


class Token(Struct, frozen=True):
    """A program's."""

    text: str


Credential = Session | Token


def credential_in(headers: list[tuple[bytes, bytes]]) -> Credential | None:
    """What the handshake shows. A token counts, even a wrong one, even beside a good cookie."""
    found = dict(headers)
    token = bearer_token(found.get(b"authorization", b"").decode("latin1"))
    if token is not None:
        return Token(token)
    cookies = parse_cookie(found.get(b"cookie", b"").decode("latin1"))
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    return Session(key) if key else None


def access_by(credential: Credential) -> Access | None:
    """The rights as of now; None when logged out, expired, deleted or deactivated. Synchronous: reads the database."""
    if isinstance(credential, Token):
        return access_by_token(credential.text)
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(credential.key)
    return access_of(get_user(request))  # checks the session against a changed password


def access_by_all(credentials: list[Credential]) -> dict[Credential, Access | None]:
    """:func:`access_by` for each."""
    return {credential: access_by(credential) for credential in credentials}
