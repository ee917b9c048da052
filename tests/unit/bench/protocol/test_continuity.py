"""The recorder's account of a stretch: what is lost, repeated, out of order, late from before; and the latencies."""

import random

from hypothesis import given
from hypothesis import strategies as st

from bench.protocol.continuity import Stretch

KEYS = ["s/d0", "s/d1", "s/d2"]


def sent(first: int, until: int) -> list[tuple[str, int]]:
    """The messages of these numbers, as bench.programs.load makes them."""
    return [(KEYS[number % 3], number // 3) for number in range(first, until)]


def taken(stretch: Stretch, messages: list[tuple[str, int]]) -> Stretch:
    for key, n in messages:
        stretch.take(key, n, sent_us=0, now_us=1000)
    return stretch


def account(stretch: Stretch, until: int) -> dict[str, int]:
    found = stretch.summary(until)
    return {name: found[name] for name in ("received", "lost", "repeated", "disordered")} | {"stale": stretch.stale}


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_whole_stretch_from_any_number_on_has_no_fault(first: int, count: int) -> None:
    stretch = taken(Stretch(KEYS, first), sent(first, first + count))
    assert account(stretch, first + count) == {
        "received": count, "lost": 0, "repeated": 0, "disordered": 0, "stale": 0,
    }  # fmt: skip


@given(st.integers(0, 20), st.integers(1, 40), st.randoms(use_true_random=False))
def test_faults_are_counted_whatever_they_are(first: int, count: int, chance: random.Random) -> None:
    messages = sent(first, first + count)
    lost = [one for one in messages if chance.random() < 0.2]
    came = [one for one in messages if one not in lost]
    again = [one for one in came if chance.random() < 0.2]
    stretch = taken(Stretch(KEYS, first), came + again)
    found = account(stretch, first + count)
    assert found == {
        "received": len(came), "lost": len(lost), "repeated": len(again), "disordered": 0, "stale": 0,
    }  # fmt: skip


@given(st.integers(0, 20), st.permutations(sent(3, 15)))
def test_another_order_loses_nothing(first: int, order: list[tuple[str, int]]) -> None:
    stretch = taken(Stretch(KEYS, 3), order)
    last: dict[str, int] = {}
    behind = 0
    for key, n in order:
        behind += n < last.get(key, -1)
        last[key] = max(n, last.get(key, -1))
    assert account(stretch, 15) == {"received": 12, "lost": 0, "repeated": 0, "disordered": behind, "stale": 0}


def test_what_belongs_to_the_stretch_before_is_not_counted_in_this_one() -> None:
    stretch = taken(Stretch(KEYS, 6), [*sent(3, 6), *sent(6, 9)])
    assert account(stretch, 9) == {"received": 3, "lost": 0, "repeated": 0, "disordered": 0, "stale": 3}


def test_others_devices_are_passed_over() -> None:
    stretch = taken(Stretch(KEYS), [("other/d0", 0), ("s/d3", 7)])
    assert account(stretch, 3) == {"received": 0, "lost": 3, "repeated": 0, "disordered": 0, "stale": 0}


def test_latencies_in_milliseconds_and_how_they_ran_away() -> None:
    stretch = Stretch(["s/d0"])
    for n in range(100):  # one a second, each a millisecond older than the one before
        stretch.take("s/d0", n, sent_us=n * 1_000_000, now_us=n * 1_000_000 + (n + 1) * 1000)
    found = stretch.summary(100)
    assert (found["p50_ms"], found["p99_ms"], found["max_ms"]) == (50, 99, 100)
    assert (found["early_p50_ms"], found["late_p50_ms"]) == (25, 88)


def test_nothing_at_all() -> None:
    found = Stretch(KEYS).summary(0)
    assert (found["received"], found["lost"], found["p99_ms"]) == (0, 0, 0)
