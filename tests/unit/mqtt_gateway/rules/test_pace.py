"""Batches a second."""

from mqtt_gateway.rules.pace import Pace


def test_a_quiet_period_lets_the_first_ones_go_at_once() -> None:
    pace = Pace(burst=4)
    assert [pace.take(100.0) for _ in range(5)] == [True, True, True, True, False]


def test_then_so_many_a_second() -> None:
    pace = Pace(burst=4, rate=100)
    taken = sum(pace.take(50 + step / 1000) for step in range(1000))
    assert 100 <= taken <= 104


def test_it_says_when_the_next_may_go() -> None:
    pace = Pace(burst=1, rate=10)
    assert pace.take(5.0)
    assert not pace.take(5.0)
    assert not pace.take(pace.next_s() - 0.01)
    assert pace.take(pace.next_s() + 1e-9)
