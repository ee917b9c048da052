"""Timelines: the same seed gives the same; what is stopped is started; every fault has its words."""

from random import Random
from types import SimpleNamespace
from typing import cast, get_args

import pytest

from tests.faults.arena import Arena
from tests.faults.faults import FAULTS, SETS, possible, world_of
from tests.faults.grounds import World
from tests.faults.titles import TITLES


class Names:
    """What timelines ask of an arena."""

    class disk:  # noqa: N801  an attribute of the arena
        how = "a disk"

    redis_disk = disk
    database = "postgres"
    clocks = dict.fromkeys(("gateway", "devices-0", "devices-1", "web"))

    class load:  # noqa: N801
        devices = [f"fleet/dev-{number}" for number in range(200)]  # noqa: RUF012

    class system:  # noqa: N801
        handlers = (SimpleNamespace(name="handlers-0"), SimpleNamespace(name="handlers-1"))

        class gateway:  # noqa: N801
            @staticmethod
            def position() -> int:
                return 0

    def names(self) -> list[str]:
        return ["gateway", "devices-0", "devices-1", "web", "redis", "postgres", "mosquitto"]

    def workers(self) -> list[str]:
        return ["devices-0", "devices-1"]


def timeline(fault: str, seed: str) -> list[str]:
    return [str(step) for step in FAULTS[fault](Random(seed), cast(Arena, Names()))]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_seed_gives_the_same_timeline(fault: str) -> None:
    assert timeline(fault, "a") == timeline(fault, "a")
    assert len({tuple(timeline(fault, seed)) for seed in "abc"}) > 1


def test_each_world_is_that_of_a_fault() -> None:
    assert world_of("full-disk", "postgres") == "disk"
    assert world_of("full-disk", "sqlite") == "plain", "SQLite's disk is always one that can be full"
    assert {world_of(fault, "postgres") for fault in FAULTS} == set(get_args(World))


@pytest.mark.parametrize("fault", [name for name in FAULTS if name.startswith(("kill", "stop", "restart"))])
def test_what_is_ended_is_started_later(fault: str) -> None:
    steps = FAULTS[fault](Random("a"), cast(Arena, Names()))
    ended = {step.what.split()[-1]: step.at_s for step in steps if not step.what.startswith("start")}
    started = {step.what.split()[-1]: step.at_s for step in steps if step.what.startswith("start")}
    assert ended
    assert ended.keys() == started.keys()
    assert all(started[name] >= at_s for name, at_s in ended.items())


def test_every_fault_has_a_title_and_every_set_its_faults() -> None:
    assert TITLES.keys() == FAULTS.keys()
    assert all(set(names) <= FAULTS.keys() for names in SETS.values())


def test_sqlite_has_no_server_and_can_be_locked() -> None:
    assert "lock-database" in possible(SETS["all"], "sqlite")
    assert "lock-database" not in possible(SETS["all"], "postgres")
    assert "switch-postgres" not in possible(SETS["field"], "sqlite")
    assert "kill-postgres" not in possible(SETS["kills"], "sqlite")
