"""The feature of what comes from devices: a delivery becomes readings, events, changes of the twin, or quarantine."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import structlog
from msgspec import structs

from bridge.dialects.dialect import NATIVE, STATELESS, Dialect
from bridge.dialects.refusals.rejections import Rejection
from bridge.messages import Batch, Delivery
from bridge.observations import CommandAck, Decoded, Described, StatusReported, Telemetry
from devices.models import Event, Quarantined, Reading
from devices.options import DevicesOptions
from devices.rules.clocks import AHEAD_MS
from devices.rules.described.notes import without_calculated
from devices.rules.reducer import Arrival, Limits, Outcome, is_from_device, reduce
from devices.rules.twin import OTHER_DIALECT, is_anothers
from devices.worker.commands.waiting import Waiting
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import UNKNOWN_PAYLOAD, Acknowledged, Effects
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.reading_log import ReadingLogFeature
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.link import delivery_history, descriptions, rejections
from devices.worker.link.acceptance import Acceptance, load_gateways, store_counts, store_cursors
from devices.worker.link.operation import Uplink
from devices.worker.link.planning import DeliveryPlanner, reject
from devices.worker.link.rejections import keep_sample
from devices.worker.memory.bulk_writes import Table
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.retention.purges import Histories, OldQuarantine
from devices.worker.retention.quarantine import LargeQuarantine
from devices.worker.retention.scope import PurgeTask
from devices.worker.sources.sources import Sources

log = structlog.get_logger(__name__)

_SAMPLES_S: Final = 1.0  # between two writes of what was rejected
_KNOWN: Final = 1  # the rev of a device of which nothing is known but that it is one
_READINGS: Final = Table(Reading, ("device", "rev", "ts", "received_ms", "metrics", "clamped"))


class UplinkFeature(Feature):
    """Takes the gateways' batches: what was not applied yet is applied, stored, counted and acknowledged.

    Args:
        options: of the installation.
        sources: of this process's shards: they read what is delivered.
        links: the gateways', as last read.
        knows_command: whether a command id (text) is one of the device's (its primary key).
        waiting: commands in other dialects that wait for what their devices report.
        log: of readings; asked only while somebody follows.
    """

    name = "uplink"
    operations = (Uplink,)

    def __init__(
        self,
        options: DevicesOptions,
        sources: Sources,
        links: LinkWatch,
        knows_command: Callable[[str, int], bool],
        waiting: Waiting,
        log: ReadingLogFeature,
    ) -> None:
        self._waiting, self._log = waiting, log
        self._sources, self._links = sources, links
        self._default_gateway = options.default_gateway
        self._limits = Limits(options.max_metrics_per_device, options.retention_days * 86_400_000)
        self._knows_command = knows_command
        self._forgets_sessions = RateGate(3_600)
        self._stores_rejections, self._shards = RateGate(_SAMPLES_S), options.shards
        self._rejected: list[Rejection] = []  # those that the present round stores
        self._acceptances: dict[int, Acceptance] = {}  # of the present round, by shard
        self._planner = DeliveryPlanner(sources)
        self._now_ms = 0  # of the present round

    def load(self, shard: Shard, now_ms: int) -> None:
        """Cursors and counts. What is known of deliveries is read at a gateway's first batch."""
        load_gateways(shard)

    def forget(self) -> None:
        """The round is over."""
        self._begin()
        for one in self._rejected:
            rejections.waiting.put(one)
        self._rejected = []

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Besides the round's batches, what former ones rejected. Once an hour, sessions that are over go."""
        self._now_ms = now_ms
        if self._forgets_sessions():
            delivery_history.forget_gone_sessions([shard.number for shard in shards], now_ms)
        if rejections.waiting.found and self._stores_rejections():
            self._rejected = rejections.waiting.take()
        return bool(self._rejected)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """Soon, while samples of what was rejected wait to be stored."""
        return now_ms + int(_SAMPLES_S * 1000) if rejections.waiting.found else None

    def plan(self, work: RoundWork) -> None:
        """Each shard's batches, each gateway's by number: their deliveries, but for those that were applied before."""
        by_shard: dict[int, list[Batch]] = {}
        for batch in work.round.batches:
            by_shard.setdefault(batch.shard, []).append(batch)
        self._begin()
        for number, batches in by_shard.items():
            if part := work.parts.get(number):
                self._acceptances[number] = acceptance = Acceptance(part.shard)
                self._plan_deliveries(list(acceptance.deliveries(batches)), acceptance.connected, part, work)
                part.connected, part.forgotten = acceptance.connected, acceptance.forgotten
                if acceptance.connected:
                    work.just_readings = False

    def _begin(self) -> None:
        self._acceptances = {}
        if self._planner.tallies or self._planner.aside:
            self._planner.begin()

    def _plan_deliveries(
        self, deliveries: list[tuple[str, Delivery]], connected: Collection[str], part: ShardWork, work: RoundWork
    ) -> None:
        """Causeway's own, which are nearly all, take the shortest way."""
        native, prepared = self._sources.native, bool(connected)
        if connected:
            self._sources.prepare(part.shard, deliveries, connected, work.now_ms)
        for gateway, delivery in deliveries:
            if delivery.dialect or native is None:
                if not prepared:
                    self._sources.prepare(part.shard, deliveries, (), work.now_ms)
                    prepared = True
                self._planner.plan(gateway, delivery, part, work)
            elif part.shard.blocked and delivery.source in part.shard.blocked:
                reject("blocked", delivery, part)
            else:
                _plan_native(native, gateway, delivery, part, work)

    def prepare(self, work: RoundWork) -> None:
        """Devices that are new, and that their source described before there were any, are described now."""
        if not work.just_readings:
            for part in work.parts.values():
                self._planner.describe_newcomers(part)

    def apply(self, operation: Uplink, effects: Effects) -> None:
        """Change the twin by what it says."""
        member, delivery, said = effects.member, operation.delivery, operation.said
        twin = member.twin
        if said is None:
            operation.set_aside(effects, "internal_error")
            twin.rev = twin.rev or _KNOWN
            return
        if twin.dialect != delivery.dialect:
            if is_anothers(twin, delivery.dialect):
                operation.count(effects.counts, "rejected", OTHER_DIALECT)
                keep_sample(OTHER_DIALECT, delivery)
                return
            twin.dialect = delivery.dialect
        if twin.gateway != operation.gateway and not (delivery.retain or delivery.late) and _is_from(said):
            effects.came_online |= self._reached_by(operation.gateway, member)
        if twin.http and not (delivery.retain or delivery.late):
            twin.http = False
        was_online = twin.presence.status == "online"
        how = (delivery.retain, delivery.late, operation.gateway)
        latest_ms = max(delivery.received_ms, self._now_ms) + AHEAD_MS
        arrival = Arrival(delivery.received_ms, *how, latest_ms=latest_ms)
        outcome = self.reduce(said, arrival, effects)
        if outcome.outcome == "quarantined":
            operation.keep(effects, outcome)
        else:
            if operation.tally is None:
                effects.counts[outcome.outcome, outcome.reason] += 1
            else:
                operation.count(effects.counts, outcome.outcome, outcome.reason)
            if outcome.outcome == "rejected":
                keep_sample(outcome.reason, delivery)
        twin.rev = twin.rev or _KNOWN
        birth = isinstance(said, StatusReported) and said.online and not delivery.retain
        effects.came_online |= birth or (not was_online and twin.presence.status == "online")

    def _reached_by(self, gateway: str, member: Member) -> bool:
        """The device can be reached by this gateway from now on; True: up to now we took it to be another one's."""
        twin, former = member.twin, self._links.latest.gateway_of(member, self._default_gateway)
        twin.gateway = gateway
        if former != gateway and member.uses_desired:
            twin.desired_published = UNKNOWN_PAYLOAD  # what it should hold is at the other's broker, if anywhere
        return former != gateway

    def reduce(self, said: Decoded, arrival: Arrival, effects: Effects) -> Outcome:
        """Apply what a message says to the twin; what it brings goes into the effects."""
        member = effects.member
        if (member.calculated or member.twin.calculated) and isinstance(said, Telemetry):
            said = without_calculated(said, member.twin, member.calculated)
        outcome = reduce(member.twin, said, arrival, self._limits)
        if member.described and isinstance(said, Telemetry):
            descriptions.compare(said, member, outcome, arrival.received_ms)
        elif isinstance(said, Described):
            live = not (arrival.retain or arrival.replayed)
            descriptions.said(said, member.twin.dialect, effects, self._limits.max_metrics, live=live)
        if outcome.ack:
            outcome = self._named(outcome, outcome.ack, member)
        for note in outcome.notes:
            effects.counts["noted", note.reason] += note.count
        effects.readings += outcome.readings
        effects.events += outcome.events
        if outcome.ack:
            effects.acks.append(Acknowledged(outcome.ack, arrival.received_ms, arrival.late))
        if self._waiting.by_device:
            effects.acks += self._waiting.shown(member.key, said, arrival)
        return outcome

    def _named(self, outcome: Outcome, ack: CommandAck, member: Member) -> Outcome:
        """An answer's outcome by whose it is. In other dialects, others may have asked: theirs are nobody's matter."""
        if member.twin.dialect != NATIVE and (named := self._waiting.named(member.key, ack.command_id)):
            outcome.ack = structs.replace(ack, command_id=named)
        elif not self._knows_command(ack.command_id, member.id):
            if member.twin.dialect == NATIVE:
                return Outcome("quarantined", "unknown_command", ack.command_id)
            outcome.ack = None
        return outcome

    def store(self, effects: Sequence[Effects]) -> None:
        """Readings, events, quarantine."""
        readings = [
            (one.member.id, new.rev, new.ts, new.received_ms, new.metrics.decode(), new.clamped)
            for one in effects
            for new in one.readings
        ]
        events = [
            Event(device_id=one.member.id, rev=new.rev, name=new.name, data=new.data, ts=new.ts)
            for one in effects
            for new in one.events
        ]
        _READINGS.write(readings)
        if events:
            Event.objects.bulk_create(events)
        if quarantined := [row for one in effects for row in one.quarantined]:
            Quarantined.objects.bulk_create(quarantined)

    def follow_up(self, work: RoundWork) -> None:
        """Write what the shards know of their gateways, and the ledger: all shards' in a statement each."""
        accepted = self._acceptances.values()
        for part, effects in work.effects():
            part.counted.update(effects.counts)
        for part, tally in self._planner.tallies:
            part.counted[tally.outcome] += 1
        if self._planner.aside:
            Quarantined.objects.bulk_create(self._planner.aside)
        for number, acceptance in self._acceptances.items():
            work.parts[number].counted += acceptance.counts
            work.parts[number].touched |= bool(acceptance.moved)
        store_cursors((one.shard, gateway) for one in accepted for gateway in one.moved)
        delivery_history.store([record for one in accepted for record in one.records])
        histories = (history for part in work.parts.values() for history in part.shard.histories.values())
        delivery_history.forget_outdated(histories)
        counted = [part for part in work.parts.values() if part.counted]
        store_counts((part.shard, part.counted) for part in counted)
        for part in counted:
            part.touched = True
        if self._rejected:
            rejections.store(self._rejected, self._shards)
        if self._log.totals:
            self._log.write(work)

    def committed(self, work: RoundWork) -> None:
        """Acknowledge."""
        for acceptance in self._acceptances.values():
            work.results.acks += acceptance.replies()
        self._acceptances, self._rejected = {}, []

    def purges(self) -> Iterable[PurgeTask]:
        """Readings, events, and quarantine by age and by size."""
        return Histories(Reading, "received_ms"), Histories(Event, "ts"), OldQuarantine(), LargeQuarantine()


def _is_from(said: Decoded) -> bool:
    """Whether the device itself, or the broker for it, has said something."""
    return isinstance(said, StatusReported) or is_from_device(said)


def _plan_native(native: Dialect, gateway: str, delivery: Delivery, part: ShardWork, work: RoundWork) -> None:
    said: Decoded | None = None
    try:
        said = native.read(STATELESS, delivery).said[0].what
    except Exception:
        log.exception("Causeway's own dialect failed: a bug", topic=delivery.topic)
    part.add(delivery.source, Uplink(delivery, gateway, said))
    if not isinstance(said, Telemetry):
        work.just_readings = False
        if isinstance(said, CommandAck):
            work.command_ids.add(said.command_id)
