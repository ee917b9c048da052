"""devices.worker.memory.bulk_writes on both databases: few rows and many, new and known ones, refused ones, ids."""

import contextlib
from typing import Any

import pytest
from django.db import DataError, Error, IntegrityError, connection, transaction

from devices.models import LedgerCount, RecentDeliveries, ShardState
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Shard
from devices.worker.ownership.fence import pass_fence

pytestmark = pytest.mark.usefixtures("own_database")

COUNTS = Table(LedgerCount, ("shard", "outcome", "reason", "count"), ("shard", "outcome", "reason"), ("count",))
RECENT = Table(RecentDeliveries, ("shard", "gateway", "session", "epoch", "connection_count", "packed"))
SIZES = [1, 2, 5, 255, 256, 600]  # numbers are packed by 256


def _counts() -> list[Row]:
    return list(LedgerCount.objects.order_by("reason").values_list("shard", "outcome", "reason", "count"))


def _rows(size: int, count: int = 0) -> list[Row]:
    return [(0, "applied", f"{number:03}", count + number) for number in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_new_rows_are_written_and_known_ones_take_over(size: int) -> None:
    for count in (0, 2**62, 7):  # of all magnitudes: the statement stays the same
        with transaction.atomic():
            COUNTS.write(_rows(size, count))
        assert _counts() == _rows(size, count)


def test_no_rows_are_no_statement() -> None:
    COUNTS.write([])
    RECENT.insert([], lambda ids: pytest.fail(f"{ids}"))
    assert _counts() == []


@pytest.mark.parametrize("size", SIZES)
def test_known_rows_are_added_to_where_that_is_meant(size: int) -> None:
    adding = Table(LedgerCount, ("shard", "outcome", "reason", "count"), ("shard", "outcome", "reason"), add=("count",))
    for _ in range(3):
        with transaction.atomic():
            adding.write(_rows(size, 5))
    assert _counts() == [(shard, outcome, reason, 3 * count) for shard, outcome, reason, count in _rows(size, 5)]


@pytest.mark.parametrize("size", SIZES)
def test_what_the_caller_gives_up_is_not_written(size: int) -> None:
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        COUNTS.write(_rows(size))
        raise ZeroDivisionError
    assert _counts() == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("refused", [("x", 2**70), ("x", None), ("\ud800", 1)])
def test_a_row_that_can_not_be_is_refused(size: int, refused: Any) -> None:
    with pytest.raises((DataError, IntegrityError, ValueError, OverflowError)), transaction.atomic():
        COUNTS.write([*_rows(size - 1), (0, "applied", *refused)])
    assert _counts() == []
    with transaction.atomic():
        COUNTS.write(_rows(size))
    assert _counts() == _rows(size)


@pytest.mark.parametrize("size", SIZES)
def test_text_longer_than_its_column_is_never_cut(size: int) -> None:
    """SQLite takes it, PostgreSQL refuses it."""
    rows = [*_rows(size - 1), (0, "applied", "y" * 33, 1)]
    with contextlib.suppress(DataError), transaction.atomic():
        COUNTS.write(rows)
    assert _counts() == ([] if connection.vendor == "postgresql" else rows)


@pytest.mark.parametrize("size", SIZES)
def test_new_rows_tell_their_ids_in_order(size: int) -> None:
    rows = [(1, "g", 2, 3, number, bytes([number % 256, 0, 255])) for number in range(size)]
    ids: list[int] = []
    with transaction.atomic():
        RECENT.insert(rows, ids.extend)
    found = RecentDeliveries.objects.in_bulk(ids)
    assert [found[pk].connection_count for pk in ids] == list(range(size))
    assert bytes(found[ids[-1]].packed) == rows[-1][-1]


def test_a_statement_outlives_the_connection() -> None:
    """What the server has prepared goes with it."""
    for count in (1, 2):
        for _ in range(3):
            with transaction.atomic():
                COUNTS.write(_rows(3, count))
        connection.close()
    assert _counts() == _rows(3, 2)


def test_outside_of_what_is_there_it_is_an_error_of_the_database() -> None:
    with pytest.raises(Error), transaction.atomic():
        Table(LedgerCount, ("shard", "outcome"), ("outcome",), ("shard",)).write([(0, "applied")])


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("broadcast", [True, False])
def test_passing_the_fence_raises_the_commit_numbers_of_what_is_broadcast(shards: int, broadcast: bool) -> None:
    ShardState.objects.all().delete()
    ShardState.objects.bulk_create(
        [ShardState(shard=number, generation=7 + number, commit=10 * number) for number in range(4)]
    )
    with transaction.atomic():
        passing = [Shard(number, 7 + number, 0, 0, "") for number in range(shards)]
        pass_fence(*([], passing) if broadcast else (passing,))
    raised = [10 * number + (broadcast and number < shards) for number in range(4)]
    assert list(ShardState.objects.order_by("shard").values_list("commit", flat=True)) == raised
    beats = ShardState.objects.order_by("shard").values_list("beat_ms", flat=True)
    assert [beat_ms > 0 for beat_ms in beats] == [number < shards for number in range(4)]
