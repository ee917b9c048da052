"""Counters go on over restarts."""

from collections import Counter

from mqtt_gateway.rules.counters import Counters


def test_they_come_back_as_they_were() -> None:
    before = Counters(Counter(bad_name=2), 3)
    assert Counters.load(before.dump()) == before


def test_a_new_gateway_begins_at_nought() -> None:
    assert Counters.load({}) == Counters()


def test_what_was_counted_meanwhile_can_be_added_elsewhere() -> None:
    mine = Counters(Counter(bad_name=2), 3)
    written = mine.copy()
    mine.rejected["odd_levels"] += 1
    mine.dropped += 5
    others = Counters(Counter(bad_name=7), 1)
    others.add(mine.since(written))
    assert others == Counters(Counter(bad_name=7, odd_levels=1), 6)
