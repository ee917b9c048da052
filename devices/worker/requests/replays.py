"""Quarantined messages that somebody asks to have carried out once more: requests of the kind ``replay``.

A replay is old news: the message is decoded and applied as if it came when it came, but says nothing about whether
the device is there now. It leaves quarantine unless it is quarantined again, and counts in the ledger as a delivery.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, json

from bridge.dialects.dialect import Route
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.observations import Decoded
from bridge.shards import source_of
from devices.models import Quarantined, Request
from devices.rules.reducer import Outcome
from devices.rules.requested import Refused
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.link.readings import read
from devices.worker.link.uplink import storable
from devices.worker.requests.refusal import refused_device

NOTE: Final = "replays"  # in Effects.noted
_encode = json.Encoder().encode
_NOT_THERE: Final = Refused("not_found", "there is no such quarantined message")
_NOBODYS: Final = Refused("conflict", "no device publishes on this topic any more: it is not replayable")


class Replay(Operation, frozen=True):
    """A quarantined message to carry out once more."""

    request_id: int
    entry_id: int
    delivery: Delivery  # as it came
    said: tuple[Decoded, ...]  # of the device; empty: nobody knows, as its dialect has failed

    def refuse(self, refusal: Refusal) -> None:
        """Whoever asks hears why."""
        refusal.results[self.request_id] = refused_device(refusal.key, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It stays in quarantine, with this reason."""
        settled(self, effects, Outcome("quarantined", reason))


class Replayed(Struct, frozen=True):
    """What became of one: it leaves quarantine, or stays with another reason."""

    entry_id: int
    outcome: str  # applied | rejected | quarantined
    reason: str
    detail: str
    bad: bytes | None = None  # the part that stays, if not all of it


def settled(replay: Replay, effects: Effects, outcome: Outcome) -> None:
    """It counts as received, and as what became of it: no gateway's batch counts it."""
    effects.counts["received", ""] += 1
    effects.counts[outcome.outcome, outcome.reason] += 1
    replayed = Replayed(replay.entry_id, outcome.outcome, outcome.reason, storable(outcome.detail), outcome.bad)
    effects.note(NOTE, replayed)
    told = {"outcome": replayed.outcome, "reason": replayed.reason, "detail": replayed.detail}
    effects.results[replay.request_id] = _encode(told)


def find(requests: Iterable[Request]) -> dict[int, Quarantined]:
    """The quarantined messages that requests are about, by id. One query if there are any."""
    ids = {entry for row in requests if row.kind == "replay" and (entry := entry_id(row)) is not None}
    return Quarantined.objects.select_related("device").in_bulk(ids) if ids else {}


def entry_id(request: Request) -> int | None:
    """The message that a request is about; None when it names none."""
    named = request.body.get("quarantined_id") if isinstance(request.body, dict) else None
    return named if isinstance(named, int) and not isinstance(named, bool) and 0 < named < 2**63 else None


def plan(request: Request, entry: Quarantined | None, dialects: Dialects) -> Replay | Refused:
    """How to carry a request out, or why not."""
    if entry is None or entry.device.key != request.device_key:
        return _NOT_THERE
    if entry.truncated:
        return Refused("conflict", "only the beginning of this message was kept: it is not replayable")
    route = dialects.route(entry.topic)
    if not isinstance(route, Route) or route.source != source_of(request.device_key):
        return _NOBODYS
    delivery = _delivery(entry, route)
    reading = read(dialects, delivery)
    said = tuple(one.what for one in reading.said if one.device == request.device_key) if reading else ()
    return Replay(request.pk, entry.pk, delivery, said) if said or reading is None else _NOBODYS


def _delivery(entry: Quarantined, route: Route) -> Delivery:
    """The message as it came, as far as it matters."""
    return Delivery(
        topic=entry.topic,
        source=route.source,
        kind=route.kind,
        detail=route.detail,
        payload=bytes(entry.payload),
        received_ms=entry.received_ms,
        qos=entry.qos,
        retain=entry.retain,
        dup=False,
        packet_id=0,
        late=True,
        dialect=route.dialect,
    )


def store(effects: Sequence[Effects]) -> None:
    """Take those that are settled out of quarantine, and say why the others are still there."""
    out = []
    for one in (replayed for each in effects for replayed in each.noted.get(NOTE, ())):
        if one.outcome == "quarantined":
            rest = {} if one.bad is None else {"payload": one.bad} if one.bad else {"truncated": True}
            Quarantined.objects.filter(pk=one.entry_id).update(reason=one.reason, detail=one.detail, **rest)
        else:
            out.append(one.entry_id)
    if out:
        Quarantined.objects.filter(pk__in=out).delete()
