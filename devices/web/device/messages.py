"""How a device speaks: its dialect, its topics, and its last messages with what became of each.

Nothing of them is kept on a message's way: somebody looks, a gateway listens for some minutes on a connection of its
own, at QoS 0, as for POST /listen, and what it has heard is read here.
"""

import asyncio
from http import HTTPStatus
from typing import Final

import structlog
from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from bridge.dialects.mapping.dialect import NAME as MAPPING
from bridge.dialects.mapping.dialect import Mappings
from bridge.messages import ListenAsked
from bridge.names import gateway_channel
from bridge.shards import source_of
from devices.gateways import gateway_status
from devices.listenings import unfinished
from devices.models import Device, Listening
from devices.requests.nudges import nudge_channel
from devices.requests.refusals import ConflictError
from devices.rules.twin import load_value
from devices.source_filters import mappings
from devices.web.api.devices import visible_device
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.device import message_schemas as schemas
from devices.web.device.became import messages_of, state_of
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

MOST: Final = 2  # under way, of all devices
KEPT: Final = 10  # with what was heard
_MOST_FILTERS: Final = 300
_SHOWN_FILTERS: Final = 50

router = Router(tags=["devices"])


@router.get("/devices/{site}/{device}/messages", response=schemas.Speaks)
def get_messages(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """How the device speaks: its dialect, its topics, and what was heard when somebody last looked.

    What became of a message is told by reading it once more, by what is known now; what was quarantined, as stored.
    """
    owner = visible_device(access(request), f"{site}/{device}", "devices.read")
    return json_response(_speaks(owner))


@router.post("/devices/{site}/{device}/messages", response={202: schemas.Speaks})
async def look_at_messages(request: HttpRequest, site: str, device: str, payload: schemas.Look) -> HttpResponse:
    """Hear for some minutes what the device says, outside the ledger. Needs the role operator.

    One that is under way goes on. 409: two devices are being looked at already.
    """
    who = access(request)
    owner = await sync_to_async(visible_device)(who, f"{site}/{device}", "devices.command")
    row = await sync_to_async(_begun)(owner, payload.minutes, str(who.actor))
    alive = await sync_to_async(_gateways)(row)
    await asyncio.gather(*(nudge_channel(gateway_channel(key), ListenAsked(row.pk)) for key in alive))
    return json_response(await sync_to_async(_speaks)(owner), status=HTTPStatus.ACCEPTED)


def _begun(owner: Device, minutes: int, by: str) -> Listening:
    twin, source, now_ms = load_value(owner.twin.doc), source_of(owner.key), unix_ms()
    filters = _topics(twin.dialect, source)[:_MOST_FILTERS]
    if not filters:
        raise ConflictError("nothing brings its messages: its dialect is not spoken any more, or its mapping is gone")
    with transaction.atomic():
        looked_at = Listening.objects.exclude(source="")
        if mine := looked_at.filter(unfinished(), source=source).first():
            return mine
        if looked_at.filter(unfinished()).count() >= MOST:
            raise ConflictError(f"{MOST} devices are being looked at already: wait for one to end")
        old = looked_at.exclude(unfinished()).order_by("-pk").values_list("pk", flat=True)[KEPT - 1 :]
        Listening.objects.filter(pk__in=list(old)).delete()
        alive = {one.key for one in gateway_status().gateways if one.alive}
        return Listening.objects.create(
            topic_filter=filters[0],
            filters=filters,
            source=source,
            asked_by=by,
            asked_ms=now_ms,
            until_ms=now_ms + minutes * 60_000,
            gateway=twin.gateway if twin.gateway in alive else "",
        )


def _gateways(row: Listening) -> list[str]:
    return [one.key for one in gateway_status().gateways if one.alive and row.gateway in ("", one.key)]


def _topics(dialect: str, key: str) -> list[str]:
    """What a device says, as topic filters: its own ones where its dialect knows them. Three queries at most."""
    found = state_of(dialect, source_of(key))
    if found is None:
        return []
    speaks, state = found
    if dialect == MAPPING:
        return Mappings(mappings()).topics(key, state.model.name)
    try:
        topics = speaks.topics(state, key)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=dialect, device=key)
        topics = ()
    return list(topics or (one.topic_filter for one in speaks.filters()))


def _speaks(owner: Device) -> dict[str, object]:
    twin, source = load_value(owner.twin.doc), source_of(owner.key)
    row = Listening.objects.filter(source=source).order_by("-pk").first()
    over = row is not None and row.status in {"waiting", "listening"} and row.until_ms <= unix_ms()
    unheard = "no gateway took it up" if row and over and row.status == "waiting" else ""
    return {
        "dialect": twin.dialect or "native",
        "source": source,
        "filters": _topics(twin.dialect, owner.key)[:_SHOWN_FILTERS],
        "status": "none" if row is None else "ended" if over else row.status,
        "reason": (row.reason or unheard) if row else "",
        "until_at": rfc3339_of_ms(row.until_ms) if row else None,
        "limited": row.limited if row else False,
        "items": messages_of(row, owner) if row else [],
        "next": None,
    }
