"""How often somebody may do something."""

from devices.web.people.throttle import Throttle


def taken(throttle: Throttle, who: str, now: float, times: int) -> int:
    return sum(throttle.take(who, now) for _ in range(times))


def test_some_at_once_then_one_each_so_many_seconds() -> None:
    throttle = Throttle(burst=3, every_s=10, all_burst=100)
    assert taken(throttle, "ann", 0, 9) == 3
    assert taken(throttle, "ann", 9, 9) == 0
    assert taken(throttle, "ann", 10, 9) == 1
    assert taken(throttle, "ann", 1_000, 9) == 3
    assert taken(throttle, "bob", 1_000, 9) == 3


def test_all_together_may_only_so_much() -> None:
    throttle = Throttle(burst=3, every_s=10, all_burst=5)
    assert sum(taken(throttle, f"user {number}", 0, 9) for number in range(9)) == 5
    assert taken(throttle, "another", 6, 9) == 1


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle(burst=1, every_s=10, all_burst=1_000_000, remembered=5)
    for number in range(50):
        assert throttle.take(number, 0)
    assert len(throttle._spent) == 5
    assert not throttle.take(49, 0)
