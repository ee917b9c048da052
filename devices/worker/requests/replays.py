"""Quarantined messages that somebody asks to have carried out once more: requests of the kind ``replay``.

A replay is old news: the message is decoded and applied as if it came when it came, but says nothing about whether
the device is there now. (Where its dialect remembers something of the source, it is what is remembered now; a mapping
reads it by the rules of now.) It leaves
quarantine unless it is quarantined again, and counts in the ledger as a delivery.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct, json

from bridge.dialects.dialect import NATIVE, Reading, Route
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.observations import Decoded
from bridge.shards import source_of
from devices.models import Quarantined, Request
from devices.options import DevicesOptions
from devices.rules.reducer import Outcome
from devices.rules.requested import Refused
from devices.source_filters import TopicOwners
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.link.quarantine import storable
from devices.worker.requests.refusal import refused_device

NOTE: Final = "replays"  # in Effects.noted
_encode = json.Encoder().encode
_NOT_THERE: Final = Refused("not_found", "there is no such quarantined message")
_NOBODYS: Final = Refused("conflict", "no device publishes on this topic any more: it is not replayable")


class Replay(Operation, frozen=True):
    """A quarantined message, or what it says of one of its devices, to carry out once more."""

    request_id: int
    entry_id: int
    delivery: Delivery  # as it came
    said: tuple[Decoded, ...]  # of the device; empty: nobody knows, as its dialect has failed
    leads: bool = True  # what becomes of it is what becomes of the message

    def registers(self, options: DevicesOptions) -> bool:
        """A message of a source may speak of devices that nobody knows."""
        return self.delivery.dialect != NATIVE and options.auto_register

    @property
    def revives(self) -> bool:
        """It is old news."""
        return False

    def refuse(self, refusal: Refusal) -> None:
        """Whoever asks hears why."""
        if self.leads:
            refusal.results[self.request_id] = refused_device(refusal.key, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It stays in quarantine, with this reason."""
        settled(self, effects, Outcome("quarantined", reason))


class Replayed(Struct, frozen=True):
    """What became of one: it leaves quarantine, or stays with another reason."""

    entry_id: int
    outcome: str  # applied | rejected | quarantined
    reason: str
    detail: str = ""
    bad: bytes | None = None  # the part that stays, if not all of it

    def told(self) -> dict[str, str]:
        """To whoever asks."""
        return {"outcome": self.outcome, "reason": self.reason, "detail": self.detail}

    def count(self, counts: Counter[tuple[str, str]]) -> None:
        """It counts as received, and as what became of it: no gateway's batch counts it."""
        counts["received", ""] += 1
        counts[self.outcome, self.reason] += 1


def settled(replay: Replay, effects: Effects, outcome: Outcome) -> None:
    """What became of it is what became of the message, if it leads."""
    if replay.leads:
        replayed = Replayed(replay.entry_id, outcome.outcome, outcome.reason, storable(outcome.detail), outcome.bad)
        replayed.count(effects.counts)
        effects.note(NOTE, replayed)
        effects.results[replay.request_id] = _encode(replayed.told())


def find(requests: Iterable[Request]) -> dict[int, Quarantined]:
    """The quarantined messages that requests are about, by id. One query if there are any."""
    ids = {entry for row in requests if row.kind == "replay" and (entry := entry_id(row)) is not None}
    return Quarantined.objects.select_related("device").in_bulk(ids) if ids else {}


def entry_id(request: Request) -> int | None:
    """The message that a request is about; None when it names none."""
    named = request.body.get("quarantined_id") if isinstance(request.body, dict) else None
    return named if isinstance(named, int) and not isinstance(named, bool) and 0 < named < 2**63 else None


Planned = Refused | Replayed | list[tuple[str, Replay]]  # why not, what became of it, or by device key


def plan(
    request: Request, entry: Quarantined | None, dialects: Dialects, read: Callable[[Delivery], Reading | None]
) -> Planned:
    """How to carry a request out.

    Args:
        request: to replay ``entry``.
        entry: None: there is none.
        dialects: of the installation.
        read: says what a delivery says; None: its dialect has failed.
    """
    if entry is None or entry.owner != request.device_key:
        return _NOT_THERE
    if entry.truncated:
        return Refused("conflict", "only the beginning of this message was kept: it is not replayable")
    source = source_of(request.device_key)
    route = _route(entry.topic, source, dialects)
    if route is None or route.source != source:
        return _NOBODYS
    delivery = _delivery(entry, route)
    reading = read(delivery)
    if entry.device is None:
        return _of_source(request, entry, delivery, reading)
    said = tuple(one.what for one in reading.said if one.device == request.device_key) if reading else ()
    if not said and reading is not None:
        return _NOBODYS
    return [(request.device_key, Replay(request.pk, entry.pk, delivery, said))]


def _route(topic: str, source: str, dialects: Dialects) -> Route | None:
    """Whose topic it is: a dialect's, or, which takes queries, the source's that wants it, or a mapping's, by now."""
    found = dialects.route(topic)
    if not isinstance(found, Route) or found.source != source:
        found = TopicOwners(dialects, (topic,), source).route(topic)
    return found if isinstance(found, Route) else None


def _of_source(request: Request, entry: Quarantined, delivery: Delivery, reading: Reading | None) -> Planned:
    if reading is None:
        return Replayed(entry.pk, "quarantined", "internal_error")
    said: dict[str, list[Decoded]] = {}
    for one in reading.said:
        said.setdefault(one.device, []).append(one.what)
    if said:
        return [
            (key, Replay(request.pk, entry.pk, delivery, tuple(its), leads=number == 0))
            for number, (key, its) in enumerate(said.items())
        ]
    if reading.malformed is not None:
        return Replayed(entry.pk, "quarantined", reading.malformed.reason, storable(reading.malformed.detail))
    return Replayed(entry.pk, "rejected", reading.rejected)


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
    take_out(replayed for each in effects for replayed in each.noted.get(NOTE, ()))


def take_out(settled: Iterable[Replayed]) -> None:
    """The same, of these."""
    out = []
    for one in settled:
        if one.outcome == "quarantined":
            rest = {} if one.bad is None else {"payload": one.bad} if one.bad else {"truncated": True}
            Quarantined.objects.filter(pk=one.entry_id).update(reason=one.reason, detail=one.detail, **rest)
        else:
            out.append(one.entry_id)
    if out:
        Quarantined.objects.filter(pk__in=out).delete()
