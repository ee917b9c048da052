"""Counters go on over restarts."""

from collections import Counter

from mqtt_gateway.counters import Counters


def test_they_come_back_as_they_were() -> None:
    before = Counters(10, Counter(bad_name=2), 3, 1, 99)
    assert Counters.load(before.dump(0)) == before


def test_what_was_in_flight_went_back_to_the_broker() -> None:
    assert Counters.load(Counters(received=10).dump(in_flight=4)).received == 6


def test_a_new_gateway_begins_at_zero() -> None:
    assert Counters.load({}) == Counters()
