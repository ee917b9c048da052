"""Who asks, and what they may: users, roles at sites, API tokens, boards.

A role holds at one site or at all of them; where both apply, the stronger counts. What a role may do stands in the one
table devices.rules.capabilities. What a user may not see does not exist for them (``NotFoundError``); what they see but
may not do is ``ForbiddenError``.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeGuard

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from devices.models import ApiToken, Board, Membership, Role
from devices.requests.refusals import ForbiddenError, NotFoundError
from devices.rules.actors import Actor
from devices.rules.capabilities import Capability, capabilities_of, strongest, weakest_with
from runtime.database_clock import asked_now, unix_ms

ALL_SITES: Final = "*"
RENEW_S: Final = 86_400
_RENEWED: Final = "renewed_s"  # in the session: Unix seconds
SHOWN_DIGITS: Final = 8  # of a token's digest, enough to find it among others
BOARD_COOKIE: Final = "causeway_board"
TOKEN_PREFIX: Final = "cwy_"  # noqa: S105  so that people and secret scanners know one when they see it


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A user or a board as far as rights go, as the database had them. Connections that stay must ask again."""

    user_id: int  # 0 of a board
    username: str
    roles: Mapping[str, str]  # site → role; "*" for all sites
    token: str = ""  # the first digits of the API token that it came by; "" for a session
    board: int | None = None  # the board's number

    @property
    def actor(self) -> Actor:
        """Who asks, for what is stored."""
        if self.board is not None:
            return Actor("token", f"board/{self.board}")
        if self.token:
            return Actor("token", f"{self.username}/{self.token}", self.user_id)
        return Actor("user", self.username, self.user_id)

    @property
    def sees_all(self) -> bool:
        """Whether every site is visible."""
        return self.may("devices.read", ALL_SITES)

    @property
    def sees_any(self) -> bool:
        """Whether any site is visible."""
        return self.may_somewhere("devices.read")

    @property
    def sites(self) -> frozenset[str]:
        """The sites that are visible by a role of their own."""
        return frozenset(site for site in self.roles if site != ALL_SITES and self.sees(site))

    def role_at(self, site: str) -> str | None:
        """The strongest role at a site, or None."""
        return strongest(self._held(site))

    def sees(self, site: str) -> bool:
        """Whether the site and its devices are visible."""
        return self.may("devices.read", site)

    def capabilities_at(self, site: str) -> frozenset[str]:
        """What the user may at ``site``, or with ``"*"`` at any site that there is or will be."""
        return frozenset().union(*map(capabilities_of, self._held(site)))

    def may(self, capability: Capability, site: str) -> bool:
        """Whether the user may do this at ``site``; ``"*"``: at any site that there is or will be."""
        return any(capability in capabilities_of(role) for role in self._held(site))

    def may_somewhere(self, capability: Capability) -> bool:
        """Whether the user may do this at some site at least."""
        return any(capability in capabilities_of(role) for role in self.roles.values())

    def require(self, capability: Capability, device_key: str) -> None:
        """Check the right to something of a device ``site/device`` (which need not exist).

        Raises:
            NotFoundError: its site is not visible.
            ForbiddenError: it is, but the user may not do this there.
        """
        site = device_key.partition("/")[0]
        if not self.sees(site):
            raise NotFoundError(f"there is no device {device_key}")
        if not self.may(capability, site):
            needed = weakest_with(capability)
            raise ForbiddenError(f"this needs the role {needed} at site {site}; yours is {self.role_at(site)}")

    def device_filter(self, path: str = "") -> Q:
        """The visible devices as a filter. ``path`` leads to the device from the queryset's model (``"device__"``)."""
        return Q() if self.sees_all else Q(**{f"{path}site__name__in": sorted(self.sites)})

    def _held(self, site: str) -> list[str]:
        return [self.roles[name] for name in (ALL_SITES, site) if name in self.roles]


def keep_signed_in(request: HttpRequest) -> None:
    """A session that is used lasts for SESSION_COOKIE_AGE from then on. Written at most once a day."""
    now_s = unix_ms() // 1000
    if not 0 <= now_s - request.session.get(_RENEWED, 0) < RENEW_S:
        request.session[_RENEWED] = now_s


def roles_of(user: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """A user's roles by site, ``"*"`` for all sites; a superuser is admin everywhere, an inactive user nothing."""
    if not _is_active(user):
        return {}
    if user.is_superuser:
        return {ALL_SITES: Role.ADMIN.value}
    held = Membership.objects.filter(user_id=user.pk).values_list("site__name", "role")
    return {site or ALL_SITES: role for site, role in held}


def _is_active(user: AbstractBaseUser | AnonymousUser) -> TypeGuard[AbstractUser]:
    """Whether it is somebody who may be here; of whatever model (config.added_apps.fit says what it must have)."""
    return user.is_authenticated and user.is_active


def access_of(user: AbstractBaseUser | AnonymousUser, token: str = "") -> Access | None:
    """The rights of a user who is logged in, or whose ``token`` (its first digits) is shown; None for anybody else."""
    if not _is_active(user):
        return None
    return Access(user_id=user.pk, username=user.get_username(), roles=roles_of(user), token=token)


def access_of_visitor(request: HttpRequest) -> Access | None:
    """The rights of who looks with a browser: of who is logged in, else of the board."""
    return access_of(request.user) or access_by_board(request.COOKIES.get(BOARD_COOKIE, ""))


def access_by_board(secret: str) -> Access | None:
    """A viewer's rights at the site of the board whose cookie this is; None: it is no board's (any more)."""
    digest = token_digest(secret) if secret else ""
    return access_by_boards([digest]).get(digest)


def access_by_boards(digests: Iterable[str]) -> dict[str, Access]:
    """:func:`access_by_board` of many by their secrets' digests, in one query; those that are none's are left out."""
    wanted = {digest for digest in digests if digest}
    if not wanted:
        return {}
    found = Board.objects.filter(digest__in=wanted, link_expires_at=None)
    rows = found.values_list("digest", "pk", "name", "site__name")
    return {digest: _access_of_board(pk, name, site) for digest, pk, name, site in rows}


def _access_of_board(pk: int, name: str, site: str | None) -> Access:
    return Access(user_id=0, username=name, roles={site or ALL_SITES: Role.VIEWER.value}, board=pk)


def roles_of_all(users: Iterable[AbstractUser]) -> dict[int, dict[str, str]]:
    """:func:`roles_of` of many, by user, in one query."""
    roles: dict[int, dict[str, str]] = {user.pk: {} for user in users if user.is_active}
    admins = [user.pk for user in users if user.is_active and user.is_superuser]
    held = Membership.objects.filter(user_id__in=roles.keys() - set(admins))
    for user_id, site, role in held.values_list("user_id", "site__name", "role"):
        roles[user_id][site or ALL_SITES] = role
    return roles | {pk: {ALL_SITES: Role.ADMIN.value} for pk in admins}


def access_with(user: AbstractUser, roles: Mapping[int, Mapping[str, str]], token: str = "") -> Access | None:
    """:func:`access_of` with roles that are known already."""
    if user.pk not in roles:
        return None
    return Access(user_id=user.pk, username=user.get_username(), roles=roles[user.pk], token=token)


def access_by_token(token: str) -> Access | None:
    """The rights of an API token's user; None when the token is unknown or expired, or the user inactive. One query.

    The work does not depend on how much of a wrong token is right: it is found by its SHA-256.
    """
    return access_by_token_digest(token_digest(token))


def access_by_token_digest(digest: str) -> Access | None:
    """The same of a token that was read before."""
    rows = _users_of_token(digest)
    if not rows:
        return None
    is_active, expires_at, is_superuser, user_id, username = rows[0][:5]
    if not is_active or (expires_at is not None and expires_at <= asked_now()):
        return None
    held = {site or ALL_SITES: role for *_, role, site in rows if role}
    roles = {ALL_SITES: Role.ADMIN.value} if is_superuser else held
    return Access(user_id=user_id, username=username, roles=roles, token=digest[:SHOWN_DIGITS])


def _users_of_token(digest: str) -> list[Any]:
    """The token's user, once for each membership: active, the token's end, superuser, id, name, role, site."""
    database: Any = connection
    prepares = database.vendor == "postgresql"
    return list(database.prepared(_token_statement(), [digest]) if prepares else _token_query(digest))


def _token_query(digest: str) -> QuerySet[ApiToken, tuple[Any, ...]]:
    name = f"user__{get_user_model().USERNAME_FIELD}"
    columns = ("user__is_active", "expires_at", "user__is_superuser", "user_id", name)
    found = ApiToken.objects.filter(digest=digest)
    return found.values_list(*columns, "user__memberships__role", "user__memberships__site__name")


@cache
def _token_statement() -> str:
    """The query as Django makes it, for a value that is sent beside it."""
    sql, _ = _token_query("").query.sql_with_params()
    return str(sql)


def bearer_token(authorization: str) -> str | None:
    """The token in an ``Authorization`` header's value (RFC 6750 2.1), or None when it is of another scheme."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def token_digest(token: str) -> str:
    """What is stored of a token: its SHA-256 in hex. (It has 256 random bits; stretching would add nothing.)"""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """A random token. Keep only its :func:`token_digest`."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def issue_token(user: Any, expires_at: datetime | None = None) -> str:
    """Make an API token for a user; the only time that anybody sees it."""
    token = new_token()
    ApiToken.objects.create(user=user, digest=token_digest(token), expires_at=expires_at)
    return token
