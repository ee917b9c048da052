"""Hearing what else is on the broker: asked for here, carried out by a gateway, looked at here."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from bridge.dialects.dialect import Route
from bridge.messages import ListenAsked
from bridge.names import gateway_channel
from bridge.topic_filters import topic_filter_error
from devices.gateways import gateway_status
from devices.listenings import unfinished
from devices.models import Heard, Listening
from devices.requests.nudges import nudge_channel
from devices.requests.refusals import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from devices.source_filters import TopicOwners
from devices.web.api.paging import json_response
from devices.web.api.quarantine import as_text
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.auth import ALL_SITES, Access
from devices.web.mappings import listen_schemas as schemas
from runtime.database_clock import unix_ms

MOST: Final = 2  # under way
KEPT: Final = 10  # listenings, with what they heard

router = Router(tags=["foreign topics"])


def everywhere(who: Access) -> None:
    """What is on the broker is of no site. Raises ForbiddenError for whoever is not an admin of all of them."""
    if not who.may("mappings.manage", ALL_SITES):
        raise ForbiddenError("this needs the role admin at all sites")


@router.post("/listen", response={202: schemas.Listening})
async def listen(request: HttpRequest, payload: schemas.Listen) -> HttpResponse:
    """Hear for some minutes what is on the broker, at most 200 topics. Needs the role admin at all sites.

    A gateway listens on a connection of its own, at QoS 0; nothing of it counts in the ledger, or changes a device.
    409: two are under way already.
    """
    who = access(request)
    everywhere(who)
    if error := topic_filter_error(payload.filter):
        raise BadRequestError(f"filter: {error}")
    if payload.filter.startswith("$"):
        raise BadRequestError("filter: topics that begin with $ are the broker's own")
    row = await sync_to_async(_store)(payload, str(who.actor))
    alive = await sync_to_async(_gateways)()
    await asyncio.gather(*(nudge_channel(gateway_channel(key), ListenAsked(row.pk)) for key in alive))
    return json_response(_json(row, ()), status=HTTPStatus.ACCEPTED)


@router.get("/listen/{number}", response=schemas.Listening)
def get_listening(request: HttpRequest, number: int) -> HttpResponse:
    """What was heard so far. Needs the role admin at all sites."""
    everywhere(access(request))
    row = Listening.objects.filter(pk=number, source="").first()
    if row is None:
        raise NotFoundError("there is no such listening; the newest ten are kept")
    return json_response(_json(row, row.heard.order_by("topic")))


def _store(wanted: schemas.Listen, by: str) -> Listening:
    now_ms = unix_ms()
    with transaction.atomic():
        asked = Listening.objects.filter(source="")
        if asked.filter(unfinished()).count() >= MOST:
            raise ConflictError(f"{MOST} are listening already: wait for one to end")
        old = asked.exclude(unfinished()).order_by("-pk").values_list("pk", flat=True)[KEPT - 1 :]
        Listening.objects.filter(pk__in=list(old)).delete()
        return Listening.objects.create(
            topic_filter=wanted.filter, asked_by=by, asked_ms=now_ms, until_ms=now_ms + wanted.minutes * 60_000
        )


def _gateways() -> list[str]:
    return [one.key for one in gateway_status().gateways if one.alive]


def _json(row: Listening, heard: Any) -> dict[str, Any]:
    over = row.status in {"waiting", "listening"} and row.until_ms <= unix_ms()
    unheard = "no gateway took it up" if over and row.status == "waiting" else ""
    return {
        "id": row.pk,
        "filter": row.topic_filter,
        "status": "ended" if over else row.status,
        "reason": row.reason or unheard,
        "asked_at": rfc3339_of_ms(row.asked_ms),
        "until_at": rfc3339_of_ms(row.until_ms),
        "messages": row.messages,
        "more": row.more,
        "limited": row.limited,
        "items": [_topic(one) for one in _sorted_anew(list(heard))],
    }


def _sorted_anew(heard: list[Heard]) -> list[Heard]:
    """Who takes by now what nobody took when it was heard: a mapping, a dialect, a source that has come meanwhile."""
    nobodys = [one for one in heard if not one.dialect]
    if nobodys:
        owners = TopicOwners(settings.DEVICES.dialects, [one.topic for one in nobodys])
        for one in nobodys:
            if isinstance(found := owners.route(one.topic), Route):
                one.dialect, one.source, one.reason = found.dialect or "native", found.source, ""
    return heard


def _topic(one: Heard) -> dict[str, Any]:
    text, encoding = as_text(bytes(one.payload))
    return {
        "topic": one.topic,
        "count": one.count,
        "payload": text,
        "encoding": encoding,
        "payload_bytes": one.size,
        "retained": one.retained,
        "last_at": rfc3339_of_ms(one.last_ms),
        "dialect": one.dialect or None,
        "source": one.source or None,
        "reason": one.reason or None,
    }
