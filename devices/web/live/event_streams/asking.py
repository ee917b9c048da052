"""What a request for an event stream asks for: who it is, which devices, and from where on."""

from typing import Any, Final

from django.http import HttpRequest

from bridge.names import is_device_key
from devices.requests.refusals import BadRequestError, ForbiddenError, NotFoundError, UnauthorizedError
from devices.web.auth import Access
from devices.web.live.event_streams.event_stream import Asked
from devices.web.live.event_streams.poll import MOST_WAIT_S
from devices.web.live.queries.authentication import Credential, Session, access_by, credential_in
from devices.web.live.queries.positions import resolve
from devices.web.live.queries.replay import list_existing, site_exists
from devices.web.live.stream.positions import place_of
from devices.web.live.stream.targets import Target
from runtime.database import DatabaseReaders
from runtime.http.origins import is_foreign

_SHOW: Final = "log in, or send a valid API token: Authorization: Bearer TOKEN"


def shown(scope: dict[str, Any]) -> Credential:
    """What the client shows.

    Raises:
        UnauthorizedError: nothing.
        ForbiddenError: a cookie of ours, from a page of another site.
    """
    found = credential_in(scope["headers"])
    if found is None:
        raise UnauthorizedError(_SHOW)
    if isinstance(found, Session) and is_foreign(scope["headers"], secure=scope.get("scheme") == "https"):
        raise ForbiddenError("pages of other sites show an API token, not a cookie")
    return found


async def rights(database: DatabaseReaders, credential: Credential) -> Access:
    """Its rights.

    Raises:
        UnauthorizedError: it is not good (any more).
        ForbiddenError: it may see nothing.
    """
    access = await database.run_once(access_by, credential)
    if access is None:
        raise UnauthorizedError(_SHOW)
    if not access.sees_any:
        raise ForbiddenError("you have no role at any site; ask an administrator for one")
    return access


async def asked(database: DatabaseReaders, access: Access, request: HttpRequest) -> Asked:
    """What it asks for.

    Raises:
        NotFoundError: there is no such site or device, or it may not be seen.
    """
    site = await _site(database, access, request.GET.get("site", ""))
    devices = list(dict.fromkeys(one for one in request.GET.getlist("device") if one))
    last = request.GET.get("after") or request.headers.get("Last-Event-ID", "")
    had = await _had(database, last) if last else {}
    wish = Target(devices=frozenset(devices)) if devices else site
    had_of_it = {key: rev for key, rev in (had or {}).items() if rev is not None and wish.covers(key)}
    if devices:
        await _require_all(database, access, site, devices, had_of_it)
    known = {key: rev for key, rev in had_of_it.items() if access.sees(key.partition("/")[0])}
    lost = tuple(key for key in had_of_it if key not in known)
    place = place_of(last) if had else None
    return Asked(wish, known, lost, "too_far" if had is None else "subscribe", place)


def waits(request: HttpRequest) -> float | None:
    """How long it waits for news, in one answer; None: it asks for events.

    Raises:
        BadRequestError: that can't be read.
    """
    told = request.GET.get("wait")
    if told is None:
        return None
    if not (told.isascii() and told.isdecimal() and len(told) <= 3 and 1 <= int(told) <= MOST_WAIT_S):
        raise BadRequestError(f"wait: a number of seconds from 1 to {MOST_WAIT_S}")
    return float(told)


async def _site(database: DatabaseReaders, access: Access, name: str) -> Target:
    if name in ("", "*"):
        return Target()
    if not access.sees(name) or not await database.run_once(site_exists, name):
        raise NotFoundError(f"there is no site {name[:64]}")
    return Target(sites=frozenset([name]))


async def _had(database: DatabaseReaders, event_id: str) -> dict[str, int | None] | None:
    """Where the client stands by its last event's id; None: nobody knows (any more)."""
    place = place_of(event_id)
    return None if place is None else await database.run_once(_resolved, event_id)


def _resolved(event_id: str) -> dict[str, int | None] | None:
    place = place_of(event_id)
    return None if place is None else resolve(place)


async def _require_all(
    database: DatabaseReaders, access: Access, site: Target, devices: list[str], had: dict[str, int]
) -> None:
    """All of the devices are there, or were when the client last heard."""
    visible = [key for key in devices if is_device_key(key) and site.covers(key) and access.sees(key.partition("/")[0])]
    existing = await database.run_once(list_existing, tuple(visible)) if visible else set[str]()
    for key in devices:
        if key not in visible or (key not in existing and key not in had):
            raise NotFoundError(f"there is no device {key[:200]}")
