"""When batches leave, by what they are measured to cost."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_gateway.rules.pace import WORDS, Budget, Pace, Word, budget

BUDGET = Budget(share=0.1, longest_s=0.010)
SQLITE = budget("balanced", sqlite=True)


class Simulation:
    """A gateway whose departures cost ``cost_s`` of CPU each."""

    def __init__(self, budget: Budget, cost_s: float, processors: int = 2) -> None:
        self.pace, self.cost_s, self.cpu_s = Pace(budget, processors), cost_s, 0.0
        self.now_s, self.waiting = 1000.0, list[float]()
        self.waits, self.left = list[float](), list[float]()
        self._newest_s = self.now_s

    def until(self, when_s: float) -> None:
        """Let time pass; what waits leaves when it is let."""
        while self.waiting and (next_s := max(self.now_s, self.pace.next_s())) <= when_s:
            self.now_s = next_s + 1e-9
            self._try()
        self.now_s = max(self.now_s, when_s)

    def arrives(self, at_s: float) -> None:
        """A message comes."""
        self.until(at_s)
        self.waiting.append(at_s)
        self._newest_s = at_s
        self._try()

    def _try(self) -> None:
        if self.pace.take(self.now_s, self.cpu_s, self.now_s - self._newest_s):
            self.waits += [self.now_s - one for one in self.waiting]
            self.waiting.clear()
            self.left.append(self.now_s)
            self.cpu_s += self.cost_s / 2  # the gateway's half; the worker tells its own
            self.pace.told(self.cost_s / 2)

    def steady(self, rate: float, seconds: float) -> None:
        """Messages at a rate."""
        begin_s = self.now_s
        for number in range(int(rate * seconds)):
            self.arrives(begin_s + number / rate)
        self.until(self.now_s + 1)


@given(st.sampled_from(WORDS), st.booleans(), st.floats(0, 0.5), st.floats(0.3, 1e5))
def test_a_lone_message_leaves_at_once_whatever_was_before(
    word: Word, sqlite: bool, cost_s: float, quiet_s: float
) -> None:
    one = Simulation(budget(word, sqlite=sqlite), cost_s)
    one.steady(500, 0.2)
    before = len(one.waits)
    one.arrives(one.now_s + quiet_s)
    assert one.waits[before:] == [0.0]


@given(
    st.sampled_from(WORDS),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.1)), max_size=80),
    st.integers(1, 64),
)
def test_no_message_waits_longer_than_it_may(
    word: Word, sqlite: bool, steps: list[tuple[float, float]], processors: int
) -> None:
    allowed = budget(word, sqlite=sqlite)
    one = Simulation(allowed, 0, processors)
    for pause_s, cost_s in steps:
        one.cost_s = cost_s
        one.arrives(one.now_s + pause_s)
    one.until(one.now_s + 1)
    assert not one.waiting
    assert max(one.waits, default=0.0) <= allowed.longest_s + 1e-6


@pytest.mark.parametrize(("cost_s", "rate"), [(0.0005, 300), (0.001, 199), (0.002, 95)])
def test_what_the_budget_allows_never_waits(cost_s: float, rate: float) -> None:
    one = Simulation(BUDGET, cost_s)
    one.steady(rate, 3)
    assert max(one.waits) == 0.0


def test_beyond_it_departures_come_to_the_share_and_batches_grow() -> None:
    one = Simulation(BUDGET, 0.0015)
    one.steady(2000, 5)
    spent = len([when for when in one.left if when > one.left[0] + 1]) * one.cost_s / 4
    assert spent == pytest.approx(0.1 * 2, rel=0.1)


def test_where_the_share_would_mean_longer_waits_the_wait_counts() -> None:
    one = Simulation(BUDGET, 0.02)
    one.steady(2000, 5)
    gaps = [later - earlier for earlier, later in zip(one.left[100:], one.left[101:], strict=False)]
    assert max(gaps) <= BUDGET.longest_s + 0.001
    assert min(gaps) >= BUDGET.longest_s - 0.001


def test_it_keeps_still_at_the_edge() -> None:
    """Costs that go up and down around the budget do not make the pace jump."""
    one, dice = Simulation(BUDGET, 0), Random(1)
    for _ in range(4000):
        one.cost_s = dice.choice((0.0005, 0.0035))
        one.arrives(one.now_s + 0.004)
    gaps = [later - earlier for earlier, later in zip(one.left[50:], one.left[51:], strict=False)]
    assert max(gaps) <= 0.0161  # four messages
    assert sum(gaps) / len(gaps) == pytest.approx(0.010, rel=0.15)


def test_costs_that_fall_are_believed_within_a_moment() -> None:
    one = Simulation(BUDGET, 0.005)
    one.steady(500, 1)
    one.cost_s = 0.0002
    one.steady(500, 0.3)
    before = len(one.waits)
    one.steady(500, 1)
    assert max(one.waits[before:]) == 0.0


def test_what_the_process_does_otherwise_counts_for_nothing() -> None:
    one = Simulation(BUDGET, 0.001)
    for _ in range(20):
        one.cpu_s += 0.9  # a second full of it
        one.arrives(one.now_s + 1)
    assert one.pace.cost_s <= 0.001


def test_a_clock_that_stands_or_leaps_does_no_harm() -> None:
    pace = Pace(BUDGET)
    assert pace.take(1000.0, 0.0)
    assert [pace.take(1000.0, -5.0) for _ in range(3)] == [True] * 3, "a process's CPU time can't fall"
    assert pace.take(10.0, 0.0), "nor the monotonic clock"
    pace.told(1e9)
    pace.take(10.0, 0.0)
    assert pace.take(1e12, 0.0)
    assert pace.next_s() <= 1e12 + BUDGET.longest_s


def test_sqlite_commits_about_four_times_a_second() -> None:
    one = Simulation(SQLITE, 0.004)
    one.steady(25, 20)
    assert len(one.left) == pytest.approx(4 * 20, abs=8)


def test_a_few_may_follow_each_other_on_sqlite_too() -> None:
    one = Simulation(SQLITE, 0.004)
    for _ in range(4):
        one.arrives(one.now_s + 0.01)
    assert one.waits == [0.0] * 4


def test_what_is_too_much_does_not_wait() -> None:
    pace = Pace(SQLITE)
    assert sum(pace.take(5.0, 0.0) for _ in range(10)) == 4
    assert pace.take(5.0, 0.0, pressing=True)


def _with_window(one: Simulation, window: int, seconds: float, round_trip_s: float = 0.005) -> Iterator[int]:
    """A broker that has any number of messages, and lets so many be unconfirmed."""
    ends_s = one.now_s + seconds
    while one.now_s < ends_s:
        for _ in range(window):
            one.arrives(one.now_s + 0.0001)
        while one.waiting:
            one.until(one.now_s + 0.001)
        one.now_s += round_trip_s
        yield window


@pytest.mark.parametrize("window", [1, 10, 20])
def test_a_broker_that_waits_for_us_is_not_kept_waiting(window: int) -> None:
    one = Simulation(SQLITE, 0.004)
    came = sum(_with_window(one, window, 30))
    assert came / 30 > 0.75 * window / (0.005 + 0.0001 * window)


def test_what_comes_evenly_is_not_taken_for_one() -> None:
    one, dice = Simulation(SQLITE, 0.004), Random(2)
    for _ in range(2000):
        one.arrives(one.now_s + dice.expovariate(25))
    assert len(one.left) < 2000 / 25 * 5
