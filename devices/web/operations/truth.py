"""What works, and what does not: one judgement for ``/readyz``, the link frame and ``/ops``. Pure.

Reachable is not working: what counts is that the database was just written, that a message of ours came back through
the layer, that a gateway lives, and that what it handed over is committed. What can't be seen is ``unknown``: a
heartbeat that can't be written proves nothing about its writer.

::

    database  read by us, and written by anybody within the last seconds; no worker says that it fails
    layer     a message came back, and a broadcast was taken
    gateway   one lives, by its beat                           ┐
    broker    a living gateway is connected                    ├ unknown without the database
    workers   every shard has one, and what came is committed  ┘
    fresh     all of these, and the broker has nothing old for us
"""

import time
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from bridge.gateway_status import GatewayStatus
from runtime.leases import LEASE_MS

State = Literal["up", "down", "unknown"]
Name = Literal["database", "layer", "gateway", "broker", "workers"]

PROVEN_MS: Final = 1_500  # since the last beat: so long it proves that the database can be written
OLD_MS: Final = 3_000  # what came so long ago ought to be committed
LATE_MS: Final = 10_000  # what the broker had for us so long ago ought to have come
MAX_DETAIL: Final = 200  # characters of a reason


class ShardFacts(Struct, frozen=True):
    """A shard's row."""

    number: int
    beat_age_ms: int  # by the database's clock
    beat_ms: int  # Unix ms
    up_since_ms: int
    trouble: str  # why its worker commits nothing
    commit: int = 0  # number of its last broadcast


class Facts(Struct, frozen=True, kw_only=True):
    """What was found out. Reasons are the server's words, "" where there is nothing to complain of."""

    unread: str = ""  # why the database could not be read
    unwritten: str = ""  # why it could not be written
    unheard: str = ""  # why the layer brought nothing back
    count: int = 0  # how many shards this process was started with
    kept: int | None = None  # how many the database has; None: not known
    shards: Sequence[ShardFacts] = ()
    gateways: GatewayStatus = GatewayStatus()
    newest_pk: int = 0  # of all devices, deleted ones too

    @property
    def is_resharded(self) -> bool:
        """Whether the numbers of shards mean other devices than we believe."""
        return self.kept not in (None, self.count)


class Part(Struct, frozen=True):
    """One part of the chain. ``detail`` is for people, and tells no secrets."""

    state: State
    detail: str


class Truth(Struct, frozen=True):
    """Of all parts."""

    database: Part
    layer: Part
    gateway: Part
    broker: Part
    workers: Part
    fresh: bool
    since: int  # Unix ms; when the later of broker and workers became what it is; 0: not known

    @property
    def parts(self) -> dict[Name, Part]:
        """By name, what others depend on first."""
        return {
            "database": self.database,
            "layer": self.layer,
            "gateway": self.gateway,
            "broker": self.broker,
            "workers": self.workers,
        }

    @property
    def works(self) -> bool:
        """Whether every part does."""
        return all(part.state == "up" for part in self.parts.values())


def is_written(facts: Facts) -> bool:
    """Whether the beats prove that the database takes writes: then nobody needs to try."""
    ages = [abs(shard.beat_age_ms) for shard in facts.shards]  # ahead: the clock was set back
    return bool(ages) and min(ages) < PROVEN_MS


def judge(facts: Facts) -> Truth:
    """The state of each part."""
    database = _database(facts)
    parts = (_gateway(facts), _broker(facts), _workers(facts))
    if facts.unread or facts.unwritten:
        parts = (Part("unknown", "not known without the database"),) * 3
    layer = _down(facts.unheard) if facts.unheard else Part("up", "a message came back")
    works = all(part.state == "up" for part in (database, layer, *parts))
    return Truth(database, layer, *parts, fresh=works and not _is_late(facts), since=_since_ms(facts))


def _down(detail: str) -> Part:
    return Part("down", detail[:MAX_DETAIL])


def _database(facts: Facts) -> Part:
    if facts.unread:
        return _down(f"can't be read: {facts.unread}")
    if facts.unwritten:
        return _down(f"can't be written: {facts.unwritten}")
    if trouble := next((shard.trouble for shard in facts.shards if shard.trouble), ""):
        return _down(f"can't be written: {trouble}")
    return Part("up", "read and written")


def _gateway(facts: Facts) -> Part:
    alive = sum(row.alive for row in facts.gateways.gateways)
    return Part("up" if alive else "down", f"{alive} gateway(s) alive")


def _broker(facts: Facts) -> Part:
    status = facts.gateways
    state: State = "up" if status.broker_up else "down"
    since = f" since {_utc(status.since_ms)}" if status.since_ms else ""
    return Part(state, f"{state}{since}, {_gateway(facts).detail}")


def _utc(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))


def _workers(facts: Facts) -> Part:
    if facts.is_resharded:
        return _down(f"BRIDGE_SHARDS: {facts.count} here, but the database has {facts.kept} shards by now")
    if missing := _without_worker(facts):
        return _down("no worker for shard " + ", ".join(map(str, missing)))
    is_other_s = facts.unheard or any(shard.trouble for shard in facts.shards)  # what keeps them from committing
    if (oldest_ms := _oldest_ms(facts)) >= OLD_MS and not is_other_s:
        return _down(f"what came {oldest_ms / 1000:.0f} s ago is not committed")
    return Part("up", "every shard has a worker")


def _without_worker(facts: Facts) -> list[int]:
    beating = {shard.number for shard in facts.shards if abs(shard.beat_age_ms) < LEASE_MS}
    return [number for number in range(facts.count) if number not in beating]


def _oldest_ms(facts: Facts) -> int:
    """How long the oldest delivery has waited that a living gateway has handed over."""
    return max((row.oldest_age_ms for row in facts.gateways.gateways if row.alive), default=0)


def _is_late(facts: Facts) -> bool:
    """Whether the broker still has something old for us: what is shown may be as old."""
    return any(row.broker_up and (row.lag_ms or 0) >= LATE_MS for row in facts.gateways.gateways)


def _since_ms(facts: Facts) -> int:
    rows = {shard.number: shard for shard in facts.shards}
    if missing := _without_worker(facts):
        workers_ms = min(rows[number].beat_ms if number in rows else 0 for number in missing)
    else:
        workers_ms = max((shard.up_since_ms for shard in rows.values()), default=0)
    return max(workers_ms, facts.gateways.since_ms)
