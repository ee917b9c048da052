"""What a feature of the device workers is made of: hooks of a shard's one writer (docs/extending/).

Promised: ``Feature`` with its hooks; of what they get ``Shard.number``, ``.members`` (by device key), ``.kept``;
``Member.id``, ``.key``, ``.twin``; ``Round.batches``; ``RoundWork.now_ms``, ``.parts`` (by shard), ``.effects()``,
``.settled``, ``.results``; ``ShardWork.shard``, ``.add``, ``.touched``; all fields of ``Effects``; ``Table``;
``PurgeTask`` and ``Scope``.
"""

from bridge.messages import Change
from devices.rules.reducer import NewEvent, NewReading
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Member, Shard
from devices.worker.retention.scope import PurgeTask, Scope

__all__ = [
    "Change",
    "Effects",
    "Feature",
    "Member",
    "NewEvent",
    "NewReading",
    "Operation",
    "PurgeTask",
    "RateGate",
    "Refusal",
    "Round",
    "RoundWork",
    "Row",
    "Scope",
    "Shard",
    "ShardWork",
    "Table",
]
