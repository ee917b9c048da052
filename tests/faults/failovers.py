"""Servers that give their place to another one: Redis with its connections kept, or led by Sentinel; PostgreSQL.

Each needs a world of its own (see grounds.py), which is used up.
"""

import time
from collections.abc import Callable
from random import Random

from tests.faults.arena import Arena
from tests.faults.grounds import ask
from tests.faults.steps import Step, Timeline, moment
from tests.support.servers.postgres import PostgresService
from tests.support.waiting import eventually

_SWITCH_S = 20
_QUIET_S = 0.5


def demote_redis(random: Random, _arena: Arena) -> Timeline:
    """Redis becomes a replica without its master, and keeps all connections; new ones are led to the new master."""

    def demote(arena: Arena) -> None:
        spare = arena.spares["redis"]
        ask(spare, "REPLICAOF", "NO", "ONE")
        arena.redis("REPLICAOF", "127.0.0.1", "1")
        arena.proxies.retarget("redis", spare.port)

    return [Step(moment(random), "demote Redis, whose connections stay", demote)]


def fail_over_redis(random: Random, _arena: Arena) -> Timeline:
    """SIGKILL of the master that Sentinel looks after: it makes the replica one."""
    return [Step(moment(random), "SIGKILL Redis, Sentinel's master", lambda arena: arena.kill("redis"))]


def switch_postgres(random: Random, _arena: Arena) -> Timeline:
    """A switchover: the primary only reads from now on and keeps all connections; new ones are led to the standby."""

    def switch(arena: Arena) -> None:
        primary, standby = _both(arena)
        primary.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        primary.execute("SELECT pg_reload_conf()")
        # Who is at work has not heard of it yet. Only when they all have is there nothing more to be copied.
        eventually(_at_rest(primary, standby), _SWITCH_S, what="the old primary writes nothing more")
        _promote(arena)
        arena.proxies.retarget("database", standby.port)

    return [Step(moment(random), "PostgreSQL reads only, its connections stay; promote the standby", switch)]


def lose_postgres(random: Random, _arena: Arena) -> Timeline:
    """SIGKILL of the primary, never to return; the processes know both servers."""
    at_s = moment(random)
    return [
        Step(at_s, "SIGKILL PostgreSQL, the primary", lambda arena: arena.kill("postgres")),
        Step(at_s + random.uniform(0, 3), "promote the standby", _promote),
    ]


def _both(arena: Arena) -> tuple[PostgresService, PostgresService]:
    primary, standby = arena.system.parts.postgres, arena.spares["postgres"]
    assert isinstance(standby, PostgresService)
    return primary, standby


def _promote(arena: Arena) -> None:
    primary, standby = _both(arena)
    assert standby.execute("SELECT pg_promote(true, 20)") == [(True,)]
    arena.history.url = arena.history.url.replace(f":{primary.port}/", f":{standby.port}/")


def _at_rest(primary: PostgresService, standby: PostgresService) -> Callable[[], bool]:
    """A probe: for half a second the primary has written nothing, and the standby has everything."""
    last, since_s = "", time.monotonic()

    def is_quiet() -> bool:
        nonlocal last, since_s
        written = primary.execute("SELECT pg_current_wal_insert_lsn()::text")[0][0]
        copied = standby.execute("SELECT pg_last_wal_replay_lsn()::text")[0][0]
        if not written == copied == last:
            last, since_s = written, time.monotonic()
        return time.monotonic() - since_s > _QUIET_S

    return is_quiet
