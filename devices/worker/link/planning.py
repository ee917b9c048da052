"""Deliveries, read by their dialects, become operations on the devices of which they speak; each counts once."""

from collections.abc import Sequence

from bridge.dialects.dialect import Said
from bridge.dialects.native.control_topics import CONTROLS
from bridge.messages import Delivery
from bridge.observations import CommandAck, Described, Malformed, Telemetry
from devices.models import Quarantined
from devices.worker.effects.operations import Operation, Registered
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.link import asking, later
from devices.worker.link.operation import Uplink
from devices.worker.link.quarantine import row_of
from devices.worker.link.rejections import keep_sample
from devices.worker.link.tally import Tally
from devices.worker.memory.shard import Shard
from devices.worker.sources.sources import Sources


class DeliveryPlanner:
    """Plans the deliveries of one round.

    Args:
        sources: of this process's shards: they read what is delivered.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.tallies: list[tuple[ShardWork, Tally]] = []  # of messages that say several things
        self.aside: list[Quarantined] = []  # messages that are wrong, and no device's

    def begin(self) -> None:
        """Another round."""
        self.tallies, self.aside = [], []

    def plan(self, gateway: str, delivery: Delivery, part: ShardWork, work: RoundWork) -> None:
        """Have each device undergo what a delivery says of it."""
        if part.shard.blocked and delivery.source in part.shard.blocked:
            reject("blocked", delivery, part)
            return
        if delivery.dialect == CONTROLS and CONTROLS in self._sources.dialects.by_name:
            asking.plan(delivery, part, work)
            return
        reading = self._sources.read(part.shard, delivery, gateway, work.now_ms)
        if self._sources.has_changed(part.shard):
            work.just_readings = False
        if reading is None:
            self._set_aside(delivery, "internal_error", "", part, work)
        elif len(reading.said) == 1 and not part.shard.blocked:
            _plan_said(reading.said[0], Uplink(delivery, gateway, reading.said[0].what), part, work)
        elif reading.said:
            said = reading.said if reading.state is None else later.put_off(reading.said, delivery, gateway, work)
            self._plan_several(said, delivery, gateway, part, work)
        elif reading.malformed is not None:
            self._set_aside(delivery, reading.malformed.reason, reading.malformed.detail, part, work)
        elif reading.rejected:
            reject(reading.rejected, delivery, part)
        else:
            part.counted["applied", ""] += 1  # understood, and nothing of it is about a device

    def _plan_several(
        self, said: Sequence[Said], delivery: Delivery, gateway: str, part: ShardWork, work: RoundWork
    ) -> None:
        tally = Tally(is_good=any(not isinstance(one.what, Malformed) for one in said))
        self.tallies.append((part, tally))
        for index, one in enumerate(said):
            if one.device in part.shard.blocked:
                tally.became[index] = ("rejected", "blocked")
                keep_sample("blocked", delivery)
            else:
                _plan_said(one, Uplink(delivery, gateway, one.what, tally, index), part, work)

    def _set_aside(self, delivery: Delivery, reason: str, detail: str, part: ShardWork, work: RoundWork) -> None:
        """The whole message is wrong, and no device's."""
        part.counted["quarantined", reason] += 1
        self.aside.append(row_of(delivery, None, reason, detail))
        part.touched = True
        work.just_readings = False

    def describe_newcomers(self, part: ShardWork) -> None:
        """Have devices that were just made undergo what their source said of them before there were any."""
        for key, operations in part.operations.items():
            if isinstance(operations[0], Registered):
                self._describe(key, operations, part.shard)

    def _describe(self, key: str, operations: list[Operation], shard: Shard) -> None:
        heard = [one for one in operations if isinstance(one, Uplink)]
        if not heard or not self._sources.has_state(heard[0].delivery.dialect):
            return
        if any(isinstance(one.said, Described) for one in heard):
            return
        description = self._sources.describe(shard, heard[0].delivery.dialect, key)
        if description is not None:
            first = heard[0]
            operations.insert(1, Uplink(first.delivery, first.gateway, Described(description), Tally(is_good=True)))


def _plan_said(said: Said, operation: Uplink, part: ShardWork, work: RoundWork) -> None:
    part.add(said.device, operation)
    if not isinstance(said.what, Telemetry):
        work.just_readings = False
        if isinstance(said.what, CommandAck):
            work.command_ids.add(said.what.command_id)


def reject(reason: str, delivery: Delivery, part: ShardWork) -> None:
    """It is nobody's."""
    part.counted["rejected", reason] += 1
    keep_sample(reason, delivery)
