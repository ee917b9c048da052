"""A member's twin: JSON between the rounds, decoded while one works on it."""

from devices.rules.twin import Metric, TwinState, dump
from devices.worker.memory.shard import Member


def member(twin: TwinState) -> Member:
    return Member(1, "demo/a", None, dump(twin))


def test_what_is_stored_is_what_is_kept() -> None:
    one = member(TwinState(rev=1))
    one.twin.rev = 2
    one.twin.metrics["t"] = Metric(21.5, 0, 2)
    one.stored(dump(one.twin))
    one.fold()
    assert (one.twin.rev, one.twin.metrics) == (2, {"t": Metric(21.5, 0, 2)})


def test_a_round_sees_its_own_changes() -> None:
    one = member(TwinState())
    one.twin.desired_version = 1
    assert one.uses_desired
    assert one.known.desired_version == 1


def test_nothing_of_a_decoded_twin_outlives_its_round() -> None:
    one = member(TwinState())
    before = one.twin
    one.fold()
    assert one.twin is not before
    assert one.twin == before


def test_some_fields_are_known_without_decoding_the_rest() -> None:
    one = member(TwinState(desired_published="{}", last_seen_ms=5))
    assert one.uses_desired
    assert (one.known.last_seen_ms, one.known.presence.status) == (5, "unknown")
