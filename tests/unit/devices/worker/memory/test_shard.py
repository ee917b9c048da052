"""A member's twin: JSON between the rounds, decoded while one works on it."""

from devices.rules.twin import Metric, TwinState, dump, dump_grouped, load
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


def test_case_h1_many_metrics_that_came_together_cost_their_names_only() -> None:
    metrics = {f"m{number}": Metric(number, 1_790_000_000_000 + number % 2, 7 + number % 2) for number in range(200)}
    twin = TwinState(rev=9, metrics=metrics)
    stored = dump_grouped(twin)
    assert len(stored) < len(dump(twin)) / 2
    one = Member(1, "a/b", None, stored)
    assert one.twin.metrics == metrics
    assert load(stored) == twin
    assert not one.twin.groups
