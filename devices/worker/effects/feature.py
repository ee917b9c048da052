"""What a feature of the worker is: all that devices undergo, and all that hangs on it, comes from one.

::

    takeover     load, join                                 what it remembers of a shard: shard.kept[name], say
    before       find                                       is there anything to do but what has come?
    transaction  plan ─> prepare ─> apply ─> store ─> judge ─> follow_up ─> publish ─> changes ─> the fence
    afterwards   committed, due                             messages; when it wants to be called again
    in between   purges                                     what is too old

Whatever it writes is written in the transaction of the effect, so it is there exactly as often as the effect is. The
hooks of one kind are called in the order of the features (devices.worker.features). All run in the database thread.
Most transactions hold nothing but readings of devices that are known, and stay as they were otherwise: no feature has
found anything, and no rev was taken but by a reading. Features that don't mind readings are left out of those between
``find`` and ``publish``.

What raises in ``apply`` costs one operation; anywhere else it costs the round, which is tried again. ``forget`` is
called then, and every shard is loaded anew.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from bridge.messages import Change
from devices.worker.effects.operations import Effects, Operation
from devices.worker.effects.work import Round, RoundWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.retention.scope import PurgeTask


class Feature:
    """Subclass it, and override what you need: a hook that is not overridden costs nothing."""

    name: str  # unlike any other feature's
    operations: Sequence[type[Operation]] = ()  # the classes that it applies
    minds_readings: bool = True  # False: called in a transaction only if it holds more than readings of known devices;
    #                              ``find`` may change it

    def load(self, shard: Shard, now_ms: int) -> None:
        """Read what the feature knows of a shard that was just taken; its devices are known already."""

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """The device is known from now on: at takeover, or since it was registered."""

    def forget(self) -> None:
        """A transaction failed, so the shards are thrown away; throw away what is known of them elsewhere."""

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Look for what there is to do. Without a transaction; True: there has to be one."""
        return False

    def plan(self, work: RoundWork) -> None:
        """Add operations to the shards' devices."""

    def prepare(self, work: RoundWork) -> None:
        """Read what the operations will need, now that all are planned."""

    def apply(self, operation: Any, effects: Effects) -> None:
        """Carry out one of :attr:`operations`: change the twin by devices.rules, add to the effects. No I/O."""

    def store(self, effects: Sequence[Effects]) -> None:
        """Write what is to be written of these devices, in bulk, before their twins.

        Under a savepoint. If the database refuses a row it is called again, with fewer devices or with the effects of
        single operations, until the culprit is found. So it remembers nothing, and adds to totals rather than set them
        (devices.worker.memory.bulk_writes.Table).
        """

    def judge(self, work: RoundWork) -> None:
        """All devices' rows are stored: see what that means. Always called.

        What is added to ShardWork.recorded is recorded, if ``work.just_readings`` is set to False.
        """

    def follow_up(self, work: RoundWork) -> None:
        """Everything is stored: write what goes with the whole, and change what is remembered of the shards."""

    def publish(self, work: RoundWork) -> None:
        """Add what is due to go to the gateways to the results. With or without a transaction."""

    def changes(self, work: RoundWork) -> Iterable[tuple[int, Change]]:
        """What browsers are told besides the twins' changes, each with its shard's number; nothing: no broadcast."""
        return ()

    def committed(self, work: RoundWork) -> None:
        """Add what is to be sent to the results, now that all is committed, or that there was nothing to commit."""

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When it has something to do, should nothing come before that. Unix ms."""
        return None

    def purges(self) -> Iterable[PurgeTask]:
        """What retention removes of its tables. Asked once."""
        return ()
