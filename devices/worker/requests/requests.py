"""The feature of what people and programs ask of devices: stored requests are carried out, settled, answered."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from msgspec import json

from bridge.dialects.dialect import Reading
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.observations import CommandAck, Decoded
from devices.models import Device, Quarantined, Request
from devices.options import DevicesOptions
from devices.requests.registry import set_tags_of
from devices.rules.reducer import Arrival, Outcome
from devices.rules.requested import Refused, remove_metric, set_desired, set_tags, settings_error
from devices.rules.stream import parts
from devices.rules.twin import OTHER_DIALECT, is_anothers
from devices.worker.alerts.asking import KIND, AlertAsked
from devices.worker.commands.clearing import CLEARING
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.link import descriptions, later
from devices.worker.memory.shard import Shard
from devices.worker.requests import ingest, keys, pending_requests, replays
from devices.worker.requests.ingest import Ingest
from devices.worker.requests.pending_requests import PendingRequests
from devices.worker.requests.refusal import refusal, refused_device
from devices.worker.requests.replays import Replay, Replayed
from devices.worker.retention.purges import Requests
from devices.worker.retention.scope import PurgeTask
from devices.worker.sources.sources import Sources

Reduce = Callable[[Decoded, Arrival, Effects], Outcome]
_FAILED: Final = Outcome("quarantined", "internal_error")
_SETTINGS, _TAGS = "settings", "tags"  # in Effects.noted
_SWEEP_S: Final = 2.0  # for requests whose nudge was lost; whoever asks waits 5 s
_encode = json.Encoder().encode


class RequestOperation(Operation, frozen=True):
    """A request (devices.models.Request) to carry out."""

    is_asked_for: ClassVar[bool] = True

    request_id: int
    kind: str
    body: Any
    created_by: str = ""  # an actor

    @property
    def asked_by(self) -> str:
        """Who asks."""
        return self.created_by

    def registers(self, options: DevicesOptions) -> bool:
        """Only if that is what it asks for."""
        return self.kind == "register" and not _is_made(self.body)

    def refuse(self, refusal: Refusal) -> None:
        """Whoever asks hears why."""
        refusal.results[self.request_id] = refused_device(refusal.key, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """Whoever asks hears that it could not be done."""
        effects.results[self.request_id] = _encode(refusal(Refused("unavailable", "the change could not be made")))


class RequestsFeature(Feature):
    """Carries out what is asked of devices, quarantined messages to be replayed included.

    Args:
        options: of the installation.
        dialects: of the installation.
        sources: of this process's shards: they read what is replayed.
        reduce: applies what a message says, as for one that comes from the device.
    """

    name = "requests"
    minds_readings = False
    operations = (RequestOperation, Replay, Ingest, keys.Deletion)

    def __init__(self, options: DevicesOptions, dialects: Dialects, sources: Sources, reduce: Reduce) -> None:
        self._of = options.shards
        self._reduce, self._most_properties = reduce, options.max_metrics_per_device
        self._dialects, self._sources = dialects, sources
        self._replayed: list[Replayed] = []  # in the present round, and no device's
        self._ingested: dict[int, Any] = {}  # in the present round: the bodies of messages over HTTP, by request
        self._now_ms = 0  # of the present round
        self._pending = PendingRequests(options.shards)
        self._sweeps = RateGate(_SWEEP_S)
        self._found: list[int] = []  # for the present round, by id

    def load(self, shard: Shard, now_ms: int) -> None:
        """Which keys are blocked."""
        keys.load_blocked(shard, self._of)

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Whether any are pending, if there is reason to look."""
        numbers = [shard.number for shard in shards]
        self._found = self._pending.find(round_.requests, numbers, sweep=self._sweeps())
        return bool(self._found)

    def plan(self, work: RoundWork) -> None:
        """Hold the requests, oldest first. What follows a deletion of the same device is for the next transaction."""
        rows = list(_pieces(pending_requests.held(self._found), self._of)) if self._found else []
        self._replayed, self._ingested, self._now_ms = [], {}, work.now_ms
        entries = replays.find(rows)
        ending: set[str] = set()
        replaying: set[int | None] = set()
        for row in sorted(rows, key=lambda one: not _is_news(one)):  # a device that is made is not deleted before
            part = work.parts.get(row.hash % self._of)
            if part is None or not ending.isdisjoint((row.device_key, *keys.named(row.body))):
                continue
            match row.kind:
                case "cancel":
                    work.cancels.append(row)
                case "replay":
                    self._plan_replay(work, row, entries, replaying)
                case ingest.KIND:
                    self._ingested[row.pk] = row.body
                    ingest.plan(row, part, work, self._dialects)
                case "block" | "unblock":
                    keys.block(work, part, row)
                case keys.MANY:
                    ending.update(keys.delete_many(work, part, row))
                case later.KIND:
                    later.plan(row, part, work, self._sources)
                case _:
                    _plan_asked(part, row)
            if row.kind == "delete":
                ending.add(row.device_key)

    def _plan_replay(
        self, work: RoundWork, row: Request, entries: dict[int, Quarantined], replaying: set[int | None]
    ) -> None:
        """The same message once more is for the next transaction: it may have left quarantine then."""
        entry = replays.entry_id(row)
        if entry in replaying:
            return
        replaying.add(entry)
        part = work.parts[row.hash % self._of]

        def read(delivery: Delivery) -> Reading | None:
            return self._sources.read(part.shard, delivery, "", work.now_ms)

        planned = replays.plan(row, entries.get(entry or 0), self._dialects, read)
        match planned:
            case Refused():
                work.settled[row.pk] = refusal(planned)
            case Replayed():
                work.settled[row.pk] = planned.told()
                planned.count(part.counted)
                self._replayed.append(planned)
            case _:
                for key, replay in planned:
                    part.add(key, replay)
                    work.command_ids.update(one.command_id for one in replay.said if isinstance(one, CommandAck))

    def apply(self, operation: RequestOperation | Replay | Ingest | keys.Deletion, effects: Effects) -> None:
        """Change the twin as asked, or as the message says."""
        if isinstance(operation, keys.Deletion):
            _delete(effects)
            return
        if isinstance(operation, RequestOperation):
            effects.results[operation.request_id] = _encode(_asked(operation, effects, self._most_properties))
            return
        if isinstance(operation, Ingest):
            ingest.apply(operation, effects, self._reduce, self._now_ms)
            return
        twin, delivery = effects.member.twin, operation.delivery
        if is_anothers(twin, delivery.dialect):
            replays.settled(operation, effects, Outcome("rejected", OTHER_DIALECT))
            return
        twin.dialect = delivery.dialect
        arrival = Arrival(delivery.received_ms, delivery.retain, replayed=True)
        outcomes = [self._reduce(one, arrival, effects) for one in operation.said]
        twin.rev = twin.rev or 1  # of a device of which nothing is known but that it is one
        bad = (one for one in outcomes if one.outcome != "applied")
        replays.settled(operation, effects, next(bad, outcomes[0]) if outcomes else _FAILED)

    def store(self, effects: Sequence[Effects]) -> None:
        """What is replayed leaves quarantine, or stays; settings and tags are the device's."""
        replays.store(effects)
        for one in effects:
            if _SETTINGS in one.noted:
                Device.objects.filter(pk=one.member.id).update(stale_after_s=one.member.stale_after_s)
        if tags := {one.member.id: one.member.twin.tags for one in effects if _TAGS in one.noted}:
            set_tags_of(tags)

    def follow_up(self, work: RoundWork) -> None:
        """Settle."""
        for _, effects in work.effects():
            if effects.results:
                work.settled |= effects.results
        replays.take_out(self._replayed)
        pending_requests.settle(work.settled)
        Request.objects.bulk_create(work.later)
        ingest.forget_payloads(work.settled, self._ingested)

    def committed(self, work: RoundWork) -> None:
        """Answer whoever waits."""
        work.results.settled += self._pending.answers(work.settled)
        self._pending.more |= bool(work.later)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """At once when some are left."""
        return now_ms if self._pending.more else None

    def purges(self) -> Iterable[PurgeTask]:
        """Requests that are over."""
        return (Requests(),)


def _plan_asked(part: ShardWork, row: Request) -> None:
    rest = (row.body, row.created_by)
    asked = AlertAsked(row.pk, *rest) if row.kind == KIND else RequestOperation(row.pk, row.kind, *rest)
    if _is_news(row):  # what the device has sent by now has come after that
        part.add_first(row.device_key, asked)
    else:
        part.add(row.device_key, asked)


def _pieces(rows: Iterable[Request], of: int) -> Iterator[Request]:
    """Of what is done piece by piece, with many devices each, one a shard; all else."""
    begun: set[tuple[int, str]] = set()
    for row in rows:
        piece = (row.hash % of, row.kind)
        if row.kind in (keys.MANY, later.KIND) and piece in begun:
            continue
        begun.add(piece)
        yield row


def _asked(asked: RequestOperation, effects: Effects, most_properties: int) -> Any:
    twin, body = effects.member.twin, asked.body if isinstance(asked.body, dict) else {}
    match asked.kind:
        case "desired":
            refused = set_desired(twin, body.get("patch"), body.get("if_version"))
            return refusal(refused) or {"version": twin.desired_version, "desired": twin.desired.value}
        case "tags":
            return refusal(set_tags(twin, body.get("tags"))) or _tags(effects)
        case "description":
            put = descriptions.put(body, effects, most_properties)
            return refusal(put) if isinstance(put, Refused) else put
        case "metric":
            return refusal(remove_metric(twin, body.get("remove"))) or {}
        case "settings":
            return refusal(settings_error(asked.body)) or _settings(body["stale_after_s"], effects)
        case "delete":
            _delete(effects)
            if body.get("clear_retained") is True:
                effects.note(CLEARING, True)
            return {}
        case "register":
            return _registered(effects) if _is_made(body) else {}
        case _:
            return refusal(Refused("bad_request", f"unknown kind of request {asked.kind!r}"))


def _is_news(row: Request) -> bool:
    """Of a device that somebody else has made, which is to be taken down before all else that it undergoes."""
    return row.kind == "register" and _is_made(row.body)


def _is_made(body: Any) -> bool:
    """Of a request to register: the device is there already."""
    return isinstance(body, dict) and body.get("made") is True


def _registered(effects: Effects) -> dict[str, Any]:
    """Somebody else has made the device: it is news from now on."""
    effects.member.twin.rev += 1
    effects.member.twin.record("registered", {}, None)
    return {}


def _delete(effects: Effects) -> None:
    member = effects.member
    kept = member.described.kept if member.described else None
    settings = {"stale_after_s": member.stale_after_s}
    member.twin.record("deleted", None, {**parts(member.twin, kept), "settings": settings})
    effects.gone = True


def _tags(effects: Effects) -> dict[str, Any]:
    effects.note(_TAGS, True)
    return {"tags": effects.member.twin.tags}


def _settings(stale_after_s: int | None, effects: Effects) -> Any:
    wanted, former = {"stale_after_s": stale_after_s}, {"stale_after_s": effects.member.stale_after_s}
    if wanted != former:
        effects.member.twin.record("settings", wanted, former)
    effects.member.stale_after_s = stale_after_s
    effects.note(_SETTINGS, stale_after_s)
    return {"stale_after_s": stale_after_s}
