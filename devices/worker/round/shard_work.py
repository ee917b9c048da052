"""One shard's part of a transaction: the operations planned for its devices, and what they came to."""

from collections import Counter
from typing import Any

from devices.options import DevicesOptions
from devices.worker.commands import desired_topic
from devices.worker.effects import broadcast, storage
from devices.worker.effects.operations import Effects, Operation, Rules
from devices.worker.link.acceptance import Acceptance
from devices.worker.memory.shard import Shard
from devices.worker.presence import checks
from devices.worker.round.admission import Refusals


class ShardWork:
    """Collects operations, then carries them out, all within the caller's transaction."""

    def __init__(self, shard: Shard, options: DevicesOptions, now_ms: int) -> None:
        self.shard = shard
        self.acceptance = Acceptance(shard)
        self.operations: dict[str, list[Operation]] = {}  # by device key
        self.works: list[storage.DeviceWork] = []
        self.results: dict[int, Any] = {}  # of requests, by id
        self.counted: Counter[tuple[str, str]] = Counter()  # for the ledger
        self._options, self._now_ms = options, now_ms

    def add(self, key: str, operation: Operation) -> None:
        """Have the device carry out the operation after those it has already."""
        self.operations.setdefault(key, []).append(operation)

    @property
    def effects(self) -> list[Effects]:
        """What the devices' operations came to."""
        return [work.effects for work in self.works]

    @property
    def writes(self) -> bool:
        """Whether anything of the shard is written, command steps apart."""
        return bool(self.works or self.counted or self.acceptance.moved)

    @property
    def is_visible(self) -> bool:
        """Whether browsers see anything of it, command steps apart."""
        return any(broadcast.is_visible(work.effects) for work in self.works)

    def carry_out(self, rules: Rules, refusals: Refusals) -> None:
        """Carry out the operations that were admitted. Their effects are to be stored then, and counted."""
        self.counted += refusals.counts
        self.results |= refusals.results
        members = self.shard.members
        self.works = [storage.carried_out(members[key], its, rules) for key, its in self.operations.items()]

    def count(self) -> None:
        """Count what the stored effects come to."""
        for effects in self.effects:
            self.counted += effects.counts
            self.results |= effects.results
        self.counted += self.acceptance.counts

    def follow_up(self) -> None:
        """What the changes mean for the outbox and the watch over presences."""
        shard, now_ms = self.shard, self._now_ms
        if self.acceptance.new_connection:
            shard.outbox.gateway_changed(now_ms)
        for effects in self.effects:
            member = effects.member
            if effects.gone:
                desired_topic.clear(shard.outbox, member, now_ms)
                checks.forget(shard, member.key)
                del shard.members[member.key]
                continue
            desired_topic.update(shard.outbox, member, now_ms)
            if effects.came_online:
                shard.outbox.device_online(member.key, now_ms)
            checks.watch(shard, member, self._options)

    def fold(self) -> None:
        """All that is told is told: the twins are kept as they are stored."""
        for work in self.works:
            work.effects.member.fold()
