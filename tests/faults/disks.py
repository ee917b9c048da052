"""Databases that answer, and take no writes: their disk is full, or another program has locked them."""

import contextlib
import sqlite3
from random import Random
from typing import Final

from tests.faults.arena import Arena
from tests.faults.steps import Step, Timeline, moment
from tests.faults.telling import is_named, is_whole
from tests.support.thorough import LONG

FULL_S = 45 if LONG else 7
_BALLAST_BYTES: Final = 500_000  # no snapshot was ever as long
_SAVED_S: Final = 10
LOCKED_S = 65 if LONG else 8


def fill_disk(random: Random, arena: Arena) -> Timeline:
    """No room for the database, long enough to be told."""
    assert arena.disk, "this arena's disk can't be filled"
    disk, at_s = arena.disk, moment(random)
    sentence = "could not extend file" if arena.database == "postgres" else "disk"

    def fill(arena: Arena) -> None:
        disk.fill()
        is_named(arena, "database", sentence)

    def free(arena: Arena) -> None:
        disk.free()
        if arena.database == "postgres":  # without room for its WAL it ends (PANIC); a supervisor starts it again
            arena.start("postgres")
        is_whole(arena)

    return [
        Step(at_s, f"fill the disk: {disk.how}", fill),
        Step(at_s + FULL_S + random.uniform(0, 2), "free the disk", free),
    ]


def fill_redis_disk(random: Random, arena: Arena) -> Timeline:
    """No room for Redis's snapshot: it takes no writes until it has saved (MISCONF)."""
    assert arena.redis_disk, "this arena's Redis has a disk that can't be filled"
    disk, at_s, ballast = arena.redis_disk, moment(random), random.randbytes(_BALLAST_BYTES).hex()

    def refuses() -> bool:
        info = arena.redis("INFO", "persistence")
        assert isinstance(info, dict)
        return bool(info["rdb_last_bgsave_status"] == "err")

    def fill(arena: Arena) -> None:
        arena.redis("SAVE")
        disk.fill()
        arena.redis("SET", "ballast", ballast)
        arena.redis("BGSAVE")
        arena.wait(refuses, _SAVED_S, "Redis can't save")
        is_named(arena, "layer", "configured to save RDB snapshots")

    def free(arena: Arena) -> None:
        disk.free()
        arena.redis("SAVE")
        is_whole(arena)

    return [
        Step(at_s, f"fill Redis's disk: {disk.how}", fill),
        Step(at_s + FULL_S + random.uniform(0, 2), "free Redis's disk", free),
    ]


def lock_database(random: Random, arena: Arena) -> Timeline:
    """Another program has SQLite for itself."""
    at_s, other = moment(random), contextlib.ExitStack()

    def lock(arena: Arena) -> None:
        connection = sqlite3.connect(arena.history.url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
        other.enter_context(contextlib.closing(connection)).execute("BEGIN IMMEDIATE")
        is_named(arena, "database", "database is locked")

    def unlock(arena: Arena) -> None:
        other.close()
        is_whole(arena)

    return [
        Step(at_s, "lock SQLite", lock),
        Step(at_s + LOCKED_S + random.uniform(0, 2), "let go of SQLite", unlock),
    ]
