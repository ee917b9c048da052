"""A look at who has what, and the beat that goes with it: in PostgreSQL one statement, carried out every second."""

from collections.abc import Collection
from typing import Final

from django.db import connection
from msgspec import Struct

from devices.models import Worker
from devices.worker.ownership.followed import BY_NUMBER, State
from runtime.database import writing
from runtime.database_clock import DatabaseNowMs
from runtime.database_clock import clock as database_clock
from runtime.databases.statements import Rows, Statement


class ShardRow(Struct, frozen=True):
    """A shard's lease."""

    shard: int
    owner: str
    age_ms: int  # of the last beat
    followed: State = "nobody"


class PeerRow(Struct, frozen=True):
    """Another worker."""

    owner: str
    pinned: str
    age_ms: int  # of its last beat


class Seen(Struct, frozen=True):
    """All leases, and all workers but the one that looks."""

    shards: list[ShardRow]
    peers: list[PeerRow]


_SHARD, _PEER, _WE = 0, 1, 2  # what a row is of

_FOLLOWED: Final = "CASE WHEN is_followed THEN CASE WHEN logged_since IS NULL THEN 1 ELSE 2 END ELSE 0 END"
_LOOK: Final = f"""
SELECT {_SHARD}, shard, owner, '', {{now_ms}} - beat_ms, {{now_ms}}, {_FOLLOWED} FROM devices_shardstate
UNION ALL SELECT {_PEER}, 0, owner, pinned, {{now_ms}} - beat_ms, {{now_ms}}, 0 FROM devices_worker WHERE owner <> %s
"""  # noqa: S608  numbers
_BEAT: Final = "UPDATE devices_worker SET beat_ms = {now_ms}, pinned = %s WHERE owner = %s RETURNING 1"
_OURS: Final = "SELECT shard FROM devices_shardstate WHERE owner = %s AND shard {among}"
_RENEW: Final = "UPDATE devices_shardstate SET beat_ms = {now_ms}, trouble = %s WHERE shard IN "

_look: Final = Statement(_LOOK)
_beat: Final = Statement(_BEAT)
_renew: Final = Statement(f"{_RENEW} ({_OURS}) RETURNING 1")
# Leaves out rows that are locked: our own fence renews them just now. (Waiting for several of them while holding others
# could end in a deadlock with that fence.)
_all_in_one: Final = Statement(
    f"WITH we AS ({_BEAT}), renewed AS ({_RENEW} ({_OURS} FOR UPDATE SKIP LOCKED))"  # noqa: S608  texts of ours
    f" {_LOOK} UNION ALL SELECT {_WE}, 0, '', '', 0, {{now_ms}}, 0 FROM we"
)


def look(owner: str) -> Seen:
    """See who has what. One query."""
    asked_ns = database_clock.asking()
    return _seen(_look.rows(owner), asked_ns)


def beat_and_look(owner: str, pinned: str, shards: Collection[int], trouble: str) -> Seen:
    """Say that we live, renew the leases of those shards that are ours, and see who has what.

    Args:
        owner: our name.
        pinned: the shards that we are told to have.
        shards: to be renewed.
        trouble: what keeps them from committing.
    """
    if connection.vendor != "postgresql":
        with writing():
            if not _beat.rows(pinned, owner):
                _enter(owner, pinned)
            _renew.rows(trouble, owner, list(shards))
        return look(owner)
    asked_ns = database_clock.asking()
    rows = _all_in_one.rows(pinned, owner, trouble, owner, list(shards), owner)
    if not any(row[0] == _WE for row in rows):
        _enter(owner, pinned)
    return _seen(rows, asked_ns)


def _enter(owner: str, pinned: str) -> None:
    """Be a worker from now on."""
    now = DatabaseNowMs()
    Worker.objects.create(owner=owner, pinned=pinned, started_ms=now, beat_ms=now)


def _seen(rows: Rows, asked_ns: int) -> Seen:
    seen = Seen([], [])
    for of, shard, owner, pinned, age_ms, now_ms, followed in rows:
        database_clock.told(now_ms, asked_ns)
        if of == _SHARD:
            seen.shards.append(ShardRow(shard, owner, age_ms, BY_NUMBER[followed]))
        elif of == _PEER:
            seen.peers.append(PeerRow(owner, pinned, age_ms))
    seen.shards.sort(key=lambda row: row.shard)
    return seen
