import msgspec

from bridge.messages import Delta
from devices.rules.documents import Document
from devices.rules.stream import StreamReading
from devices.rules.twin import Metric, TwinState
from devices.web.live.queries.answers import MAX_SNAPSHOT_BYTES, Rows, answer, winners
from devices.web.live.stream.changes import NotFound, Query, Replayed, Snapshot


def reading(rev: int) -> StreamReading:
    return StreamReading(rev, rev, b'{"t":1}')


def query(since: int | None) -> Query:
    return Query("s/d", since, "subscribe")


def test_no_twin_is_a_missing_device() -> None:
    assert answer(query(3), None, Rows()) == NotFound("s/d")


def test_without_a_rev_it_is_a_snapshot() -> None:
    made = answer(query(None), TwinState(rev=4), Rows())
    assert isinstance(made, Snapshot)
    assert (made.reason, made.rev, msgspec.json.decode(made.snapshot)["rev"]) == ("subscribe", 4, 4)


def test_a_client_ahead_of_us_is_reset() -> None:
    made = answer(query(9), TwinState(rev=4), Rows())
    assert isinstance(made, Snapshot)
    assert (made.reason, made.rev) == ("reset", 4)


def test_behind_what_the_twin_remembers_is_too_far() -> None:
    twin = TwinState(rev=9, reported=Document(floor=5))
    made = answer(query(4), twin, Rows())
    assert isinstance(made, Snapshot)
    assert made.reason == "too_far"
    assert isinstance(answer(query(5), twin, Rows()), Replayed)


def test_purged_readings_are_too_far() -> None:
    twin = TwinState(rev=9, metrics={"t": Metric(1, 8, 8)})
    made = answer(query(4), twin, Rows([reading(8)], purged_rev=5))
    assert isinstance(made, Snapshot)
    assert made.reason == "too_far"
    assert isinstance(answer(query(5), twin, Rows([reading(8)], purged_rev=5)), Replayed)


def test_whichever_lies_higher_bounds_the_stream() -> None:
    twin = TwinState(rev=9, reported=Document(floor=5))
    for purged_rev, since, kind in ((3, 4, Snapshot), (3, 5, Replayed), (7, 6, Snapshot), (7, 7, Replayed)):
        assert isinstance(answer(query(since), twin, Rows(purged_rev=purged_rev)), kind)


def test_ahead_of_us_is_reset_though_everything_is_purged() -> None:
    made = answer(query(9), TwinState(rev=4), Rows(purged_rev=4))
    assert isinstance(made, Snapshot)
    assert made.reason == "reset"


def test_some_of_the_rows_answer_as_far_as_they_reach() -> None:
    twin = TwinState(rev=9, metrics={"t": Metric(1, 8, 8)}, tags=["x"], tags_rev=9)
    made = answer(query(4), twin, Rows([reading(5), reading(6)], upto=6))
    assert isinstance(made, Replayed)
    assert (made.rev, made.complete) == (6, False)
    [change] = made.changes
    assert isinstance(change, Delta)
    assert "tags" not in msgspec.json.decode(change.item)


def test_the_winners_are_the_readings_that_set_todays_values() -> None:
    metrics = {"t": Metric(1, 8, 8), "h": Metric(1, 2, 2), "filled": Metric(1, 7, 7, live=False)}
    assert winners(TwinState(rev=9, metrics=metrics), 4) == {8}


def test_a_snapshot_too_large_for_any_frame_leaves_out_the_longest_values() -> None:
    metrics = {f"m{n}": Metric("x" * 250_000 if n else "short", 1, n + 1) for n in range(6)}
    made = answer(query(None), TwinState(rev=6, metrics=metrics), Rows())
    assert isinstance(made, Snapshot)
    assert len(made.snapshot) <= MAX_SNAPSHOT_BYTES
    assert "m0" in msgspec.json.decode(made.snapshot)["metrics"]
