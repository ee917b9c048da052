"""Who is at the other end of a socket: by a browser's cookies, a bearer token or a ticket; checked again and again."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, parse_cookie
from django.utils.crypto import constant_time_compare
from msgspec import Struct

from devices.models import ApiToken
from devices.web.auth import (
    BOARD_COOKIE,
    SHOWN_DIGITS,
    Access,
    access_by_boards,
    access_by_token_digest,
    access_of,
    access_with,
    bearer_token,
    roles_of_all,
    token_digest,
)


class Session(Struct, frozen=True):
    """A browser's, by its key; beside it, or with an empty one, a board, which counts without it."""

    key: str
    board: str = ""  # the digest of its secret


class Token(Struct, frozen=True):
    """A program's."""

    digest: str


class Person(Struct, frozen=True):
    """Somebody for whom an app's own middleware vouches."""

    user_id: int


Credential = Session | Token | Person


def credential_in(headers: list[tuple[bytes, bytes]]) -> Credential | None:
    """What the handshake shows. A token counts, even a wrong one, even beside a good cookie."""
    found = dict(headers)
    token = bearer_token(found.get(b"authorization", b"").decode("latin1"))
    if token is not None:
        return Token(token_digest(token))
    cookies = parse_cookie(found.get(b"cookie", b"").decode("latin1"))
    key, board = cookies.get(settings.SESSION_COOKIE_NAME, ""), cookies.get(BOARD_COOKIE, "")
    return Session(key, token_digest(board) if board else "") if key or board else None


def access_by(credential: Credential) -> Access | None:
    """The rights as of now; None when logged out, expired, deleted or deactivated. Synchronous: reads the database."""
    if isinstance(credential, Token):
        return access_by_token_digest(credential.digest)
    if isinstance(credential, Person):
        user = _users([credential.user_id]).get(credential.user_id)
        return access_of(user) if user is not None else None
    return _access_of_session(credential.key) or access_by_boards([credential.board]).get(credential.board)


def _access_of_session(key: str) -> Access | None:
    if not key:
        return None
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(key)
    return access_of(get_user(request))  # checks the session against a changed password


def access_by_all(credentials: list[Credential]) -> dict[Credential, Access | None]:
    """:func:`access_by` for each, in four queries, and others if there are boards or persons."""
    sessions = [one for one in credentials if isinstance(one, Session)]
    by_key = _users_of_sessions([one.key for one in sessions])
    boards = access_by_boards(one.board for one in sessions)
    by_digest = _users_of_tokens([one.digest for one in credentials if isinstance(one, Token)])
    by_id = _users([one.user_id for one in credentials if isinstance(one, Person)])
    users = (*by_key.values(), *by_digest.values(), *by_id.values())
    roles = roles_of_all({user.pk: user for user in users}.values())
    found: dict[Credential, Access | None] = {}
    for one in credentials:
        digest = one.digest if isinstance(one, Token) else ""
        if isinstance(one, Person):
            user = by_id.get(one.user_id)
        else:
            user = by_digest.get(digest) if isinstance(one, Token) else by_key.get(one.key)
        access = access_with(user, roles, digest[:SHOWN_DIGITS]) if user is not None else None
        found[one] = access or (boards.get(one.board) if isinstance(one, Session) else None)
    return found


def _users_of_sessions(keys: list[str]) -> dict[str, AbstractUser]:
    """By key, of those that are good (as django.contrib.auth.get_user has it)."""
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    rows = store.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=Now())
    sessions: dict[str, Any] = {row.session_key: row.get_decoded() for row in rows}
    wanted = {str(data.get(SESSION_KEY)) for data in sessions.values()}
    users = {str(pk): user for pk, user in _users([int(one) for one in wanted if one.isdecimal()]).items()}
    return {
        key: user
        for key, data in sessions.items()
        if (user := users.get(str(data.get(SESSION_KEY)))) is not None and _is_of(data, user)
    }


def _users(ids: list[int]) -> dict[int, AbstractUser]:
    """Those that there are, by id."""
    users: Any = get_user_model()
    found = users.objects.filter(pk__in=ids) if ids else ()
    return {user.pk: user for user in found}


def _is_of(data: dict[str, Any], user: AbstractUser) -> bool:
    """Whether the session was begun with the user's present password."""
    shown = data.get(HASH_SESSION_KEY, "")
    good = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(shown, one) for one in good)


def _users_of_tokens(digests: list[str]) -> dict[str, AbstractUser]:
    """By digest, of those that are good."""
    good = ApiToken.objects.select_related("user").filter(digest__in=digests)
    good = good.filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
    return {token.digest: token.user for token in good}
