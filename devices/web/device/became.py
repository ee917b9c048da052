"""What became of messages that were heard: read once more by their dialect, with what is known of their source now."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import structlog
from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from bridge.dialects.dialect import Dialect, Reading, State
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    CommandAck,
    CommandFailed,
    Decoded,
    Described,
    Doubted,
    Echo,
    EventReported,
    Malformed,
    StatePatch,
    StatusReported,
    Telemetry,
)
from bridge.shards import source_of
from devices.models import Device, HeardMessage, Listening, Quarantined, Source
from devices.web.api.quarantine import as_text
from devices.web.api.times import rfc3339_of_ms

log = structlog.get_logger(__name__)

SHOWN: Final = 50
_MOST_METRICS: Final = 20
_SAME_MS: Final = 2_000  # so far apart may two connections receive one message
_WORDS: Final[dict[type, str]] = {
    Telemetry: "telemetry",
    StatePatch: "state",
    StatusReported: "status",
    EventReported: "event",
    CommandAck: "answer",
    CommandFailed: "failure",
    Described: "description",
    Doubted: "doubt",
    Echo: "echo",
    Cleared: "cleared",
    Malformed: "malformed",
}


def messages_of(listening: Listening, owner: Device) -> list[dict[str, Any]]:
    """Those that are about a device, the newest first. A few queries.

    Args:
        listening: to its source.
        owner: the device.
    """
    heard = list(listening.heard_messages.order_by("-number"))
    states = {name: state_of(name, listening.source) for name in {one.dialect for one in heard}}
    wrong = _quarantined(owner, heard)
    found: list[dict[str, Any]] = []
    for one in heard:
        shown = _shown(one, owner.key, listening.source, states[one.dialect], wrong)
        if shown is not None and len(found) < SHOWN:
            found.append(shown)
    return found


def state_of(name: str, source: str) -> tuple[Dialect, State] | None:
    """A dialect, and what it remembers of a source; None: nobody speaks it any more."""
    speaks = settings.DEVICES.dialects.by_name.get(name)
    if speaks is None:
        return None
    texts = Source.objects.filter(key=source, dialect=name, revision=speaks.revision)
    row = texts.annotate(m=Cast("model", TextField()), v=Cast("live", TextField())).values_list("m", "v").first()
    try:
        kinds = speaks.state_types
        if row is not None:
            return speaks, State(*(msgspec.json.decode(text, type=kind) for text, kind in zip(row, kinds, strict=True)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        log.info("a source's state can't be read", source=source)
    return speaks, speaks.fresh()


def _quarantined(owner: Device, heard: Iterable[HeardMessage]) -> list[tuple[str, int, str]]:
    """Topic, time and reason of what is in quarantine since the first of them."""
    first_ms = min((one.at_ms for one in heard), default=0) - _SAME_MS
    rows = Quarantined.objects.filter(device=owner) | Quarantined.objects.filter(
        device=None, source=source_of(owner.key)
    )
    found = rows.filter(received_ms__gte=first_ms).order_by("-pk")
    return list(found.values_list("topic", "received_ms", "reason")[:1_000])


def _shown(
    one: HeardMessage, key: str, source: str, speaks: tuple[Dialect, State] | None, wrong: list[tuple[str, int, str]]
) -> dict[str, Any] | None:
    """None: it is about others."""
    payload = bytes(one.payload)
    reading = _read(one, payload, source, speaks) if one.size == len(payload) else None
    mine = [said.what for said in reading.said if said.device == key] if reading else []
    if key != source and not mine:
        return None
    became, reason = _became(reading, mine) if reading else ("unknown", None)
    stored = (why for topic, at_ms, why in wrong if topic == one.topic and abs(at_ms - one.at_ms) <= _SAME_MS)
    if why := next(stored, None):
        became, reason = "quarantined", why
    text, encoding = as_text(payload)
    return {
        "received_at": rfc3339_of_ms(one.at_ms),
        "topic": one.topic,
        "payload": text,
        "encoding": encoding,
        "payload_bytes": one.size,
        "retained": one.retained,
        "became": became,
        "reason": reason,
        "says": list(dict.fromkeys(_WORDS.get(type(each), "") for each in mine)),
        "metrics": dict(list(_metrics(mine))[:_MOST_METRICS]),
    }


def _read(one: HeardMessage, payload: bytes, source: str, speaks: tuple[Dialect, State] | None) -> Reading | None:
    if speaks is None:
        return Reading(rejected="unknown_dialect")
    delivery = Delivery(
        one.topic, source, one.kind, one.detail, payload, one.at_ms,
        qos=0, retain=one.retained, dup=False, packet_id=0, dialect=one.dialect,
    )  # fmt: skip
    try:
        return speaks[0].read(speaks[1], delivery)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=one.dialect, topic=one.topic)
        return None


def _became(reading: Reading, mine: list[Decoded]) -> tuple[str, str | None]:
    bad = [one.reason for one in mine if isinstance(one, Malformed)]
    if bad and len(bad) == len(reading.said):
        return "quarantined", bad[0]
    if reading.said:
        return "applied", None
    if reading.malformed is not None:
        return "quarantined", reading.malformed.reason
    return ("rejected", reading.rejected) if reading.rejected else ("applied", None)


def _metrics(mine: Iterable[Decoded]) -> Iterator[tuple[str, Any]]:
    for one in mine:
        for reading in one.readings if isinstance(one, Telemetry) else ():
            yield from reading.metrics.items()
