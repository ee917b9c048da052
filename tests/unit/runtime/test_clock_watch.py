"""What is said of clocks that are off."""

import pytest
from structlog.testing import CapturingLogger

from runtime.clock_watch import ClockReport, ClockWatch
from tests.unit.runtime.test_database_clock import DAY_MS, World


class Watched(World):
    """A world whose clock is watched."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log = CapturingLogger()
        self.watch = ClockWatch(self.clock, self.log, lambda: self.passed_ns / 1e9)

    def look(self) -> list[ClockReport]:
        self.beat()
        return self.watch.look()

    @property
    def said(self) -> list[str]:
        return [call.args[0] for call in self.log.calls]


def test_a_clock_that_is_right_is_no_news() -> None:
    world = Watched(off_ms=1_500)
    assert [*world.look(), *world.look()] == []
    assert world.said == []


@pytest.mark.parametrize(("off_ms", "words"), [(DAY_MS, "86,400 s ahead of"), (-DAY_MS, "86,400 s behind")])
def test_case_d1_a_clock_that_is_off_is_told_while_it_is_and_when_it_ends(off_ms: int, words: str) -> None:
    world = Watched()
    world.look()
    world.off_ms, began_ms = off_ms, world.database_ms
    [first] = world.look()
    assert (first.kind, first.count) == ("clock_off", 1)
    assert first.detail == f"its clock is {words} the database's: corrected"
    assert abs(first.since_ms - began_ms) < 10
    assert world.look() == []
    world.passes(10_000)
    [again] = world.look()
    assert (again.since_ms, again.count) == (first.since_ms, 0)
    assert again.until_ms >= first.until_ms + 10_000
    world.off_ms = 0
    [last] = world.look()
    assert (last.since_ms, last.count) == (first.since_ms, 0)
    assert last.detail == f"its clock was {words} the database's: corrected, and right again"
    assert world.look() == []
    assert world.said == [
        f"this machine's clock is {words} the database's: corrected",
        f"this machine's clock is right again; it was {words} the database's",
    ]


@pytest.mark.parametrize(("leap_ms", "way"), [(DAY_MS, "forward"), (-DAY_MS, "back")])
def test_case_d1_it_is_told_that_the_databases_clock_was_set(leap_ms: int, way: str) -> None:
    world = Watched()
    world.look()
    world.database_off_ms, world.off_ms = leap_ms, leap_ms
    [told] = world.look()
    assert (told.kind, told.count) == ("clock_set", 1)
    assert told.detail == f"the database's clock was set {way} by 86,400 s, or this machine stood still"
    assert world.look() == []
