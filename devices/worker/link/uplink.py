"""The feature of what comes from devices: a delivery becomes readings, events, changes of the twin, or quarantine."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bridge.dialects.registry import Dialects
from bridge.dialects.rejections import Rejection
from bridge.json_limits import MAX_PAYLOAD_BYTES
from bridge.messages import Batch, Delivery
from bridge.observations import Cleared, CommandAck, Decoded, Described, StatusReported, Telemetry
from devices.models import Event, Quarantined, Reading
from devices.options import DevicesOptions
from devices.rules.clocks import AHEAD_MS
from devices.rules.reducer import Arrival, Limits, Outcome, is_from_device, reduce
from devices.worker.descriptions import descriptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import UNKNOWN_PAYLOAD, Acknowledged, Effects, Operation, Refusal
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.link import delivery_history, rejections
from devices.worker.link.acceptance import Acceptance, load_gateways, store_counts, store_cursors
from devices.worker.link.readings import spoken
from devices.worker.link.rejections import keep_sample
from devices.worker.memory.bulk_writes import Table
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.retention.purges import Histories, OldQuarantine
from devices.worker.retention.quarantine import LargeQuarantine
from devices.worker.retention.scope import PurgeTask

_MAX_DETAIL_CHARS: Final = 200  # Quarantined.detail
_SAMPLES_S: Final = 1.0  # between two writes of what was rejected
_KNOWN: Final = 1  # the rev of a device of which nothing is known but that it is one
_READINGS: Final = Table(Reading, ("device", "rev", "ts", "received_ms", "metrics", "clamped"))


class Uplink(Operation, frozen=True):
    """What a delivery says of the device, to apply."""

    delivery: Delivery
    gateway: str  # MQTT client id; who received it
    said: Decoded | None  # None: nobody knows, as its dialect has failed
    counts: bool = True  # for the ledger; False: it counts as what comes of another device that it speaks of

    def registers(self, options: DevicesOptions) -> bool:
        """A device that speaks is one. (Clearing a retained message is not speaking.)"""
        return options.auto_register and not isinstance(self.said, Cleared)

    @property
    def revives(self) -> bool:
        """Only the device itself does, and only live: neither what the broker retains of it, nor its will."""
        if self.delivery.retain:
            return False
        said = self.said
        return said is None or is_from_device(said) or (isinstance(said, StatusReported) and said.online)

    def refuse(self, refusal: Refusal) -> None:
        """It is rejected; a cleared message, which is all that makes no device, changes nothing, for nobody."""
        unseen = refusal.options.auto_register and refusal.reason == "unknown_device"
        if self.counts:
            refusal.counts[("applied", "") if unseen else ("rejected", refusal.reason)] += 1
        if not unseen:
            keep_sample(refusal.reason, self.delivery)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It goes to quarantine."""
        _quarantine(effects, self, reason, "")


class UplinkFeature(Feature):
    """Takes the gateways' batches: what was not applied yet is applied, stored, counted and acknowledged.

    Args:
        options: of the installation.
        dialects: of the installation.
        links: the gateways', as last read.
        knows_command: whether a command id (text) is one of the device's (its primary key).
    """

    name = "uplink"
    operations = (Uplink,)

    def __init__(
        self,
        options: DevicesOptions,
        dialects: Dialects,
        links: LinkWatch,
        knows_command: Callable[[str, int], bool],
    ) -> None:
        self._dialects, self._links = dialects, links
        self._default_gateway = options.default_gateway
        self._limits = Limits(options.max_metrics_per_device, options.retention_days * 86_400_000)
        self._knows_command = knows_command
        self._forgets_sessions = RateGate(3_600)
        self._stores_rejections, self._shards = RateGate(_SAMPLES_S), options.shards
        self._rejected: list[Rejection] = []  # those that the present round stores
        self._acceptances: dict[int, Acceptance] = {}  # of the present round, by shard
        self._now_ms = 0  # of the present round

    def load(self, shard: Shard, now_ms: int) -> None:
        """Cursors and counts. What is known of deliveries is read at a gateway's first batch."""
        load_gateways(shard)

    def forget(self) -> None:
        """The round is over."""
        self._acceptances = {}
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
        self._acceptances = {}
        for number, batches in by_shard.items():
            if part := work.parts.get(number):
                self._acceptances[number] = acceptance = Acceptance(part.shard)
                for gateway, delivery in acceptance.deliveries(batches):
                    self._plan_delivery(gateway, delivery, part, work)
                part.connected, part.forgotten = acceptance.connected, acceptance.forgotten
                if acceptance.connected:
                    work.just_readings = False

    def _plan_delivery(self, gateway: str, delivery: Delivery, part: ShardWork, work: RoundWork) -> None:
        """What it says of each device; of several, the first one's outcome is the delivery's."""
        counts, blocked = True, part.shard.blocked
        for key, said in spoken(self._dialects, delivery, part.counted):
            if blocked and (key in blocked or delivery.source in blocked):
                part.counted["rejected", "blocked"] += counts
                counts = False
                keep_sample("blocked", delivery)
                continue
            part.add(key, Uplink(delivery, gateway, said, counts))
            counts = False
            if not isinstance(said, Telemetry):
                work.just_readings = False
                if isinstance(said, CommandAck):
                    work.command_ids.add(said.command_id)

    def apply(self, operation: Uplink, effects: Effects) -> None:
        """Change the twin by what it says."""
        member, delivery, said = effects.member, operation.delivery, operation.said
        twin = member.twin
        if said is None:
            operation.set_aside(effects, "internal_error")
            twin.rev = twin.rev or _KNOWN
            return
        if twin.dialect != delivery.dialect:
            twin.dialect = delivery.dialect
        if twin.gateway != operation.gateway and not (delivery.retain or delivery.late) and _is_from(said):
            effects.came_online |= self._reached_by(operation.gateway, member)
        was_online = twin.presence.status == "online"
        how = (delivery.retain, delivery.late, operation.gateway)
        latest_ms = max(delivery.received_ms, self._now_ms) + AHEAD_MS
        arrival = Arrival(delivery.received_ms, *how, latest_ms=latest_ms)
        outcome = self.reduce(said, arrival, effects)
        if outcome.outcome == "quarantined":
            _quarantine(effects, operation, outcome.reason, outcome.detail, outcome.bad)
        else:
            if operation.counts:
                effects.counts[outcome.outcome, outcome.reason] += 1
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
        outcome = reduce(member.twin, said, arrival, self._limits)
        if member.described and isinstance(said, Telemetry):
            descriptions.compare(said, member, outcome, arrival.received_ms)
        elif isinstance(said, Described):
            live = not (arrival.retain or arrival.replayed)
            descriptions.said(said, member.twin.dialect, effects, self._limits.max_metrics, live=live)
        if outcome.ack and not self._knows_command(outcome.ack.command_id, member.id):
            outcome = Outcome("quarantined", "unknown_command", outcome.ack.command_id)
        for note in outcome.notes:
            effects.counts["noted", note.reason] += note.count
        effects.readings += outcome.readings
        effects.events += outcome.events
        if outcome.ack:
            effects.acks.append(Acknowledged(outcome.ack, arrival.received_ms, arrival.late))
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


def _quarantine(effects: Effects, uplink: Uplink, reason: str, detail: str, bad: bytes | None = None) -> None:
    """Keep the message, or its bad part alone; of one whose bad part can't be told, nothing is replayed."""
    delivery = uplink.delivery
    payload = bad or delivery.payload
    if uplink.counts:
        effects.counts["quarantined", reason] += 1
    effects.quarantined.append(
        Quarantined(
            device_id=effects.member.id,
            topic=delivery.topic,
            payload=payload[:MAX_PAYLOAD_BYTES],
            truncated=bad == b"" or len(payload) > MAX_PAYLOAD_BYTES,
            qos=delivery.qos,
            retain=delivery.retain,
            received_ms=delivery.received_ms,
            reason=reason,
            detail=storable(detail),
        )
    )


def storable(detail: str) -> str:
    """What PostgreSQL takes as a text, and the column: details may quote what was wrong."""
    return detail.replace("\0", "\\0").encode(errors="replace").decode()[:_MAX_DETAIL_CHARS]
