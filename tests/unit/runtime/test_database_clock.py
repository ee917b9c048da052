"""The database's clock as a process knows it: the machine's may be off, or leap."""

from dataclasses import dataclass

import pytest

from runtime import database_clock
from runtime.database_clock import LEAP_MS, STEADY_S, DatabaseClock

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


@dataclass
class World:
    """The clocks of the world: true time passes, the machine's own may be off."""

    passed_ns: int = 12_345_678_901
    off_ms: int = 0
    database_off_ms: int = 0

    def __post_init__(self) -> None:
        self.clock = DatabaseClock(lambda: self.passed_ns, lambda: self.passed_ns + (NOW_MS + self.off_ms) * 1_000_000)

    @property
    def database_ms(self) -> int:
        return NOW_MS + self.database_off_ms + self.passed_ns // 1_000_000

    def beat(self, way_ms: int = 1, back_ms: int = 1) -> None:
        asked_ns = self.clock.asking()
        self.passes(way_ms)
        told_ms = self.database_ms
        self.passes(back_ms)
        self.clock.told(told_ms, asked_ns)

    def passes(self, ms: float) -> None:
        self.passed_ns += int(ms * 1_000_000)


def test_before_the_database_has_told_the_machines_clock_has_to_do() -> None:
    world = World(off_ms=5)
    assert world.clock.now_ms() == world.database_ms + 5
    assert not world.clock.is_fresh


@pytest.mark.parametrize("off_ms", [DAY_MS, -DAY_MS, -NOW_MS + 1], ids=["a day ahead", "a day behind", "in 1970"])
def test_case_d1_a_clock_that_is_off_is_corrected_and_it_is_known_by_how_much(off_ms: int) -> None:
    world = World(off_ms=off_ms)
    world.beat()
    assert abs(world.clock.now_ms() - world.database_ms) <= 1
    assert abs(world.clock.ahead_ms - off_ms) <= 2
    world.passes(60_000)
    assert abs(world.clock.now_ms() - world.database_ms) <= 1


def test_what_is_ordered_by_it_is_told_apart_within_a_millisecond() -> None:
    world = World()
    for _ in range(2):
        before = world.clock.now_s()
        world.passed_ns += 1_000
        assert before < world.clock.now_s() < before + 0.001
        assert abs(world.clock.now_s() * 1000 - world.clock.now_ms()) < 1.1
        world.beat()


def test_case_d1_a_clock_that_leaps_between_two_beats_changes_nothing() -> None:
    world = World()
    world.beat()
    world.off_ms = DAY_MS
    world.passes(400)
    assert abs(world.clock.now_ms() - world.database_ms) <= 1
    world.beat()
    assert (world.clock.leaps, world.clock.is_steady) == (0, True)
    assert world.clock.ahead_ms >= DAY_MS - 2
    world.off_ms = 0
    world.beat()
    assert abs(world.clock.ahead_ms) <= 2


def test_how_long_an_answer_takes_makes_no_time_jump() -> None:
    world = World()
    world.beat()
    before = world.clock.now_ms() - world.database_ms
    for way_ms, back_ms in ((3_000, 0), (0, 3_000), (50, 900), (1, 1)):
        world.beat(way_ms, back_ms)
        assert world.clock.now_ms() - world.database_ms == before
    assert world.clock.leaps == 0


def test_a_clock_that_runs_slow_is_followed() -> None:
    world = World()
    world.beat()
    for _ in range(100):
        world.passes(1_000)
        world.database_off_ms += 1  # a thousandth faster than ours
        world.beat()
        assert abs(world.clock.now_ms() - world.database_ms) <= 3
    assert world.clock.leaps == 0


@pytest.mark.parametrize("leap_ms", [DAY_MS, -DAY_MS, LEAP_MS + 10])
def test_case_d1_the_databases_own_leap_is_followed_and_known(leap_ms: int) -> None:
    world = World()
    world.beat()
    world.database_off_ms = leap_ms
    world.beat()
    assert abs(world.clock.now_ms() - world.database_ms) <= 2
    assert (world.clock.leaps, world.clock.is_steady) == (1, False)
    assert abs(world.clock.leap_ms - leap_ms) <= 3
    world.passes(STEADY_S * 1_000)
    assert world.clock.is_steady


@pytest.mark.django_db
def test_the_database_is_asked_only_where_nobody_has_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    own = DatabaseClock()
    monkeypatch.setattr(database_clock, "clock", own)
    database_clock.asked_now()
    assert own.is_fresh
    monkeypatch.setattr(database_clock, "ask_the_time", lambda: pytest.fail("it was just asked"))
    database_clock.asked_now()
