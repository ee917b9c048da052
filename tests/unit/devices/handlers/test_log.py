"""Reading what has happened in a shard: each item once, each device's in order, or a word that some are gone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.handlers.followers import follow, unfollow
from devices.handlers.items import (
    CommandStep,
    Deleted,
    Desired,
    Event,
    Item,
    Kind,
    Presence,
    Reading,
    Registered,
    Reported,
)
from devices.handlers.log import ALL, Documents, TooFarError, head, read, start_of
from devices.models import Change, LoggedReadings, ShardState
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A, B = key_in(0), key_in(0, nth=1)
READINGS: set[Kind] = {Reading}
DAY_MS = 86_400_000


def hear(worker: Worker, key: str, *values: Any) -> None:
    """One message for each value, all in one transaction, a second after the last one."""
    worker.now_ms += 1_000
    worker.hear(*(delivery(key, "telemetry", {"t": value}, at_ms=worker.now_ms) for value in values))


def followed(worker: Worker, kinds: set[Kind] = READINGS) -> int:
    """Somebody follows shard 0 from now on, and the worker knows; the position."""
    follow("somebody", 0, start_of(0, "now", kinds))
    worker.look()
    return head(0)


def whole(position: int, kinds: Any = READINGS, most: int = 100) -> Iterator[Item]:
    """All that there is after a position."""
    documents = Documents()
    while True:
        batch = read(0, position, most, kinds, documents)
        yield from batch.items
        if batch.upto == position:
            return
        position = batch.upto


def values(items: Any) -> list[Any]:
    return [item.metrics["t"] for item in items]


# The log of readings ------------------------------------------------------------------------------------------------


def test_case_readings_are_logged_while_somebody_follows_and_only_then(worker: Worker) -> None:
    with CaptureQueriesContext(connection) as queries:
        hear(worker, A, 1)
    assert not [one for one in queries.captured_queries if "loggedreadings" in one["sql"]]
    position = followed(worker)
    hear(worker, A, 2, 3)
    hear(worker, key_in(1), 4)
    hear(worker, B, 5)
    batch = read(0, position, 100, READINGS)
    assert [(item.device, item.metrics, item.commit) for item in batch.items if isinstance(item, Reading)] == [
        (A, {"t": 2}, position + 1),
        (A, {"t": 3}, position + 1),
        (B, {"t": 5}, position + 2),
    ]
    assert batch.upto == head(0) == position + 2
    assert list(LoggedReadings.objects.values_list("shard", flat=True).distinct()) == [0]
    unfollow("somebody")
    worker.look()
    hear(worker, A, 6)
    worker.purge()
    assert not LoggedReadings.objects.exists()
    assert ShardState.objects.get(shard=0).logged_since is None


def test_case_a_reading_says_all_that_it_said_in_history(worker: Worker) -> None:
    position = followed(worker)
    worker.hear(delivery(A, "telemetry", {"ts": worker.now_ms - 5_000, "n": {"x": None}, "on": True}))
    (item,) = whole(position)
    (stored,) = whole(start_of(0, "beginning", READINGS) - 0, READINGS)
    at = datetime.fromtimestamp(worker.now_ms / 1000, UTC)
    assert item == Reading(A, 1, worker.now_ms - 5_000, at, {"n.x": None, "on": True}, commit=position + 1)
    assert stored == Reading(A, 1, worker.now_ms - 5_000, at, {"n.x": None, "on": True})
    assert item.key == stored.key


def test_case_what_is_stored_before_the_worker_knows_of_a_follower_is_read_from_history_once(worker: Worker) -> None:
    hear(worker, A, 1)
    position = start_of(0, "now", READINGS)
    follow("somebody", 0, position)
    hear(worker, A, 2)
    batch = read(0, position, 100, READINGS)
    assert values(batch.items) == [2]
    worker.look()
    hear(worker, A, 3)
    hear(worker, B, 4)
    assert values(whole(batch.upto)) == [3, 4]
    assert values(whole(position)) == [2, 3, 4]


def test_case_a_successor_logs_from_its_first_transaction_on(worker: Worker) -> None:
    position = followed(worker)
    hear(worker, A, 1)
    successor = Worker("another", epoch=2, now_ms=worker.now_ms)
    hear(successor, A, 2)
    assert values(whole(position)) == [1, 2]


def test_case_who_comes_back_at_once_gets_a_log_without_a_gap(worker: Worker) -> None:
    followed(worker)
    hear(worker, A, 1)
    unfollow("somebody")
    position = start_of(0, "now", READINGS)
    follow("another", 0, position)
    hear(worker, A, 2)
    worker.look()
    hear(worker, A, 3)
    assert values(whole(position)) == [2, 3]


def test_case_a_commit_is_not_torn_apart_and_the_position_passes_what_is_of_other_kinds(worker: Worker) -> None:
    position = followed(worker)
    hear(worker, A, 1, 2, 3)
    hear(worker, B, 4)
    first = read(0, position, 1, READINGS)
    assert values(first.items)[:3] == [1, 2, 3]
    worker.hear(delivery(A, "state", {"a": 1}))
    assert read(0, head(0) - 1, 100, READINGS).upto == head(0)
    assert read(0, head(0), 100, READINGS).upto == head(0)


def test_case_what_the_slowest_has_read_goes(worker: Worker) -> None:
    position = followed(worker)
    for value in range(4):
        hear(worker, A, value)
    follow("somebody", 0, position + 3)
    follow("slow", 0, position + 2)
    worker.purge()
    assert list(LoggedReadings.objects.values_list("commit", flat=True)) == [position + 3, position + 4]
    assert values(whole(position + 2)) == [2, 3]
    with pytest.raises(TooFarError) as told:
        read(0, position + 1, 100, READINGS)
    assert told.value.oldest == position + 2


def test_case_who_lags_behind_the_limit_is_told_and_may_go_on_from_there(db: None, settings: Any) -> None:
    settings.DEVICES = replace(settings.DEVICES, handler_log_mb=1)
    worker = Worker()
    worker.round()
    position = followed(worker)
    for value in range(8):
        hear(worker, A, [value, "x" * 60_000])
    worker.purge()
    with pytest.raises(TooFarError) as told:
        read(0, position, 100, READINGS)
    assert position + 2 < told.value.oldest < position + 8
    rest = [item.metrics["t.0"] for item in whole(told.value.oldest) if isinstance(item, Reading)]
    assert rest == list(range(told.value.oldest - position, 8))


def test_case_readings_of_a_device_that_was_deleted_meanwhile_stay_in_the_log(worker: Worker) -> None:
    position = followed(worker)
    hear(worker, A, 1)
    worker.ask(A, "delete")
    assert values(whole(position)) == [1]
    assert list(whole(start_of(0, "beginning", READINGS))) == []


# Where one begins ---------------------------------------------------------------------------------------------------


def test_case_from_the_beginning_history_goes_over_into_the_log(worker: Worker) -> None:
    for value in range(5):
        hear(worker, A, value)
        hear(worker, key_in(1), value)
    followed(worker)
    position = start_of(0, "beginning", READINGS)
    read_first = read(0, position, 2, READINGS)
    assert values(read_first.items) == [0, 1]
    for value in range(5, 8):
        hear(worker, B, value)
    assert values(whole(read_first.upto, most=2)) == [2, 3, 4, 5, 6, 7]


def test_case_from_a_time_on(worker: Worker) -> None:
    hear(worker, A, 1)
    worker.hear(delivery(A, "event/pressed", 1, at_ms=worker.now_ms))
    worker.now_ms += 2 * DAY_MS
    hear(worker, A, 2)
    worker.hear(delivery(A, "event/pressed", 2, at_ms=worker.now_ms))
    followed(worker)
    at = datetime.fromtimestamp(worker.now_ms / 1000, UTC) - timedelta(days=1)
    assert values(whole(start_of(0, at, READINGS))) == [2]
    events = whole(start_of(0, at, {Event}), {Event})
    assert [item.data for item in events if isinstance(item, Event)] == [2]
    for much_later in (at + timedelta(days=9),):
        assert list(whole(start_of(0, much_later, READINGS))) == []
        assert list(whole(start_of(0, much_later, {Event}), {Event})) == []


def test_readings_from_before_now_are_not_mixed_with_others(db: None) -> None:
    with pytest.raises(ValueError, match="by themselves"):
        start_of(0, "beginning")


# All kinds ----------------------------------------------------------------------------------------------------------


def test_case_all_kinds_come_in_order(worker: Worker) -> None:
    position = start_of(0, "now")
    follow("somebody", 0, position)
    worker.look()
    assert list(whole(position)) == []
    position = read(0, position, 100).upto
    worker.hear(
        delivery(A, "telemetry", {"t": 1}),
        delivery(A, "state", {"a": 1}),
        delivery(A, "telemetry", {"t": 2}),
        delivery(A, "event/pressed", {"by": "hand"}),
        delivery(A, "telemetry", {"t": 3}),
    )
    worker.ask(A, "desired", patch={"a": 2})
    worker.ask(A, "delete")
    kinds = [type(item) for item in whole(position, ALL)]
    assert kinds == [Registered, Reading, Presence, Reported, Reading, Event, Reading, Desired, Deleted]
    items = list(whole(position, ALL, most=1))
    assert [type(item) for item in items] == kinds
    assert len({item.key for item in items}) == len(items)
    event = next(item for item in items if isinstance(item, Event))
    assert (event.name, event.data, event.ts) == ("pressed", {"by": "hand"}, worker.now_ms)


def test_case_steps_of_commands_come_with_their_times(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    worker.hear(delivery(A, "ack/nothing", {"status": "done"}))
    Change.objects.create(
        shard=0, commit=head(0), nth=99, device=A, at_ms=1, rev=None, kind="command", undo=None, actor="",
        patch={"id": "c1", "name": "blink", "status": "sent", "at_ms": 1_500, "by": "broker"},
    )  # fmt: skip
    (step,) = whole(0, {CommandStep})
    assert step == CommandStep(A, "c1", "blink", "sent", datetime.fromtimestamp(1.5, UTC), commit=head(0))


@pytest.mark.parametrize("make", [Documents, lambda: None], ids=["kept", "afresh"])
def test_case_documents_are_as_of_each_change(worker: Worker, make: Callable[[], Documents | None]) -> None:
    worker.hear(delivery(A, "state", {"a": 1, "b": {"c": 2}}))
    worker.hear(delivery(A, "state", {"a": None}), delivery(B, "state", {"x": 1}))
    worker.ask(A, "desired", patch={"d": 1})
    worker.ask(A, "delete")
    worker.hear(delivery(A, "state", {"new": 1}))
    worker.hear(delivery(A, "state", {"b": 5}))
    seen, position, documents = [], 0, make()
    while position < head(0):
        batch = read(0, position, 1, {Reported, Desired}, documents)
        seen += [(item.device, item.document) for item in batch.items if isinstance(item, Reported | Desired)]
        position = batch.upto
    assert seen == [
        (A, {"a": 1, "b": {"c": 2}}),
        (A, {"b": {"c": 2}}),
        (B, {"x": 1}),
        (A, {"d": 1}),
        (A, {"new": 1}),
        (A, {"new": 1, "b": 5}),
    ]


def test_case_changes_that_are_too_old_are_told(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {"a": 1}))
    worker.now_ms += 40 * DAY_MS
    worker.hear(delivery(A, "state", {"a": 2}, at_ms=worker.now_ms))
    worker.purge(200)
    with pytest.raises(TooFarError) as told:
        read(0, 0, 100, {Reported})
    assert [item.document for item in whole(told.value.oldest, {Reported}) if isinstance(item, Reported)] == [{"a": 2}]
    assert start_of(0, "beginning", {Reported}) == told.value.oldest
