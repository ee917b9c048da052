"""One transaction's work: what comes in, the operations planned for each shard's devices, and what they came to.

Handed from hook to hook of the features. Nothing in it may refer to it in a circle: all that a round made would wait
for the garbage collector.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from bridge.messages import Batch, CommandStored, Published, RequestStored
from bridge.shards import shard_of
from devices.models import Request
from devices.rules.twin import TwinChange
from devices.worker.effects.operations import DeviceWork, Effects, Operation
from devices.worker.effects.results import RoundResults
from devices.worker.memory.shard import Shard


class Round(Struct, frozen=True):
    """What has come for the shards of this process, to be carried out in one transaction."""

    batches: tuple[Batch, ...] = ()
    commands: tuple[CommandStored, ...] = ()
    requests: tuple[RequestStored, ...] = ()
    published: tuple[Published, ...] = ()
    listening_since_ms: int | None = None  # Unix ms; None while the channel layer brings nothing


Recorded = tuple[TwinChange, str]  # and who asked for it, as a devices.rules.actors.Actor is written; "": nobody


@dataclass(slots=True)
class ShardWork:
    """One shard's part of it."""

    shard: Shard
    operations: dict[str, list[Operation]] = field(default_factory=dict)  # by device key
    works: list[DeviceWork] = field(default_factory=list)  # what they came to
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)  # deliveries for the ledger
    connected: Collection[str] = ()  # gateways that have connected to their broker anew
    forgotten: Collection[str] = ()  # those of them whose broker has lost its memory
    recorded: dict[str, list[Recorded]] = field(default_factory=dict)  # changes of no twin, by device key
    is_numbered: bool = False  # it takes a commit number, whether or not browsers are told anything
    touched: bool = False  # something of it was written besides its devices: the fence must be passed for it

    def add(self, key: str, operation: Operation) -> None:
        """Have the device carry out the operation after those it has already."""
        self.operations.setdefault(key, []).append(operation)

    def add_first(self, key: str, operation: Operation) -> None:
        """Have the device carry out the operation before those it has already."""
        self.operations.setdefault(key, []).insert(0, operation)

    @property
    def has_strangers(self) -> bool:
        """Whether there are operations on devices that the shard does not know."""
        return not self.operations.keys() <= self.shard.members.keys()

    @property
    def writes(self) -> bool:
        """Whether anything of the shard is written."""
        return bool(self.works) or self.touched


class RoundWork:
    """All of it.

    Args:
        round_: what has come.
        shards: all that we own. They are changed in place: to be thrown away if the transaction fails.
        now_ms: Unix ms.
        gathers: what is written goes to the database as one statement; then a row that is refused costs all of it.
    """

    def __init__(self, round_: Round, shards: Collection[Shard], now_ms: int, *, gathers: bool = False) -> None:
        self.round, self.now_ms, self.gathers = round_, now_ms, gathers
        self.just_readings = True  # of known devices, which change nothing else: features that don't mind are left out
        self.parts = {shard.number: ShardWork(shard) for shard in shards}
        self.command_ids: set[str] = set()  # that planned operations name, to be known when they are applied
        self.cancels: list[Request] = []  # requests about commands, not twins
        self.later: list[Request] = []  # that the round makes itself, to be stored
        self.settled: dict[int, Any] = {}  # results of the requests that were carried out, by id
        self.results = RoundResults()

    def mind_changes(self) -> None:
        """All operations are carried out: has any device undergone more than its readings?"""
        if self.just_readings:
            self.just_readings = all(effects.are_just_readings for _, effects in self.effects())

    def effects(self) -> Iterator[tuple[ShardWork, Effects]]:
        """What became of each device, with its shard."""
        for part in self.parts.values():
            for work in part.works:
                yield part, work.effects

    def forget_deleted(self) -> None:
        """The devices that are gone are no members of their shards any more."""
        for part, effects in self.effects():
            if effects.gone:
                del part.shard.members[effects.member.key]

    def fold(self) -> None:
        """The transaction is committed: of the twins, what it stored is all that is kept."""
        for part in self.parts.values():
            for one in part.works:
                one.member.fold()

    def part_of(self, key: str, of: int) -> ShardWork:
        """The part of the shard that the device is in, one of ``of``. It must be ours."""
        return self.parts[shard_of(key, of)]
