"""Looks at the leases, on rows; the clock of beats is the database's, moved by changing rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from devices.models import Installation, ShardState, Worker
from devices.worker.ownership import fence
from devices.worker.ownership.fence import ReshardedError
from devices.worker.ownership.leases import Found, Leases
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS
from tests.support.worlds.fake_worker import install

pytestmark = pytest.mark.django_db
ALL = frozenset(range(4))


@dataclass
class Process:
    """A worker as its engine would look: it owns what it took, and gives up at once."""

    owner: str
    pinned: frozenset[int] = frozenset()
    owned: frozenset[int] = frozenset()
    now_s: float = 100.0
    found: Found = field(default_factory=Found)

    def __post_init__(self) -> None:
        self.leases = Leases(self.owner, settings.DEVICES, self.pinned, lambda: self.now_s)

    def check(self) -> Found:
        self.now_s += 0.5
        self.found = self.leases.check(self.owned, frozenset())
        self.owned = (self.owned - self.found.lost - self.found.excess) | self.found.taken
        fence.release(self.found.excess, self.owner)
        return self.found


@pytest.fixture(autouse=True)
def rows() -> None:
    install()


def owners() -> list[str]:
    return list(ShardState.objects.order_by("shard").values_list("owner", flat=True))


def time_passes(ms: int = LEASE_MS) -> None:
    """All beats are that much older."""
    ShardState.objects.update(beat_ms=F("beat_ms") - ms)
    Worker.objects.update(beat_ms=F("beat_ms") - ms)


def test_the_first_worker_takes_all_at_its_first_look() -> None:
    one = Process("one")
    assert one.check() == Found(taken=ALL)
    assert owners() == ["one"] * 4
    assert one.check() == Found()
    row = Worker.objects.get()
    assert (row.owner, row.pinned, row.beat_ms - row.started_ms < 1_000) == ("one", "", True)


def test_the_second_gets_its_share_once_the_first_has_given_it_up() -> None:
    one, two = Process("one"), Process("two")
    one.check()
    assert two.check() == Found(awaited=frozenset({2, 3}))
    assert one.check() == Found(excess=frozenset({2, 3}))
    assert two.check() == Found(taken=frozenset({2, 3}))
    assert one.check() == two.check() == Found()
    assert owners() == ["one", "one", "two", "two"]


def test_a_beat_a_second_renews_what_is_ours_and_no_more() -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two, one, two):
        process.check()
    time_passes(2_000)
    before = dict(ShardState.objects.values_list("shard", "beat_ms"))
    one.check()
    one.check()
    after = dict(ShardState.objects.values_list("shard", "beat_ms"))
    assert {shard for shard in ALL if after[shard] > before[shard]} == one.owned
    assert Worker.objects.get(owner="one").beat_ms > Worker.objects.get(owner="two").beat_ms


def test_a_settled_look_costs_one_small_query_and_a_beat_with_it_is_every_second_one() -> None:
    one = Process("one")
    one.check()
    counts = []
    for _ in range(4):
        with CaptureQueriesContext(connection) as queries:
            one.check()
        counts.append(len([query for query in queries if "POINT" not in query["sql"]]))
    beat = 1 if connection.vendor == "postgresql" else 3  # in one statement with the look, where that can be
    assert sorted(counts) == sorted([1, 1, beat, beat])


def test_the_next_look_is_when_a_beat_is_due_or_the_lease_of_another_one_is_over() -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two, one, two):
        process.check()
    one.leases.pin(0)  # beats at the next look
    one.check()
    assert one.leases.next_look_s == pytest.approx(1.0)
    time_passes(LEASE_MS - 300)
    one.check()
    assert 0.0 < one.leases.next_look_s <= 0.3


def test_shards_of_one_that_is_gone_are_taken_when_the_lease_is_over_and_not_before() -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two):
        process.check()
    time_passes(LEASE_MS - 500)
    assert two.check() == Found(), "its own beats go on"
    assert owners() == ["one", "one", "two", "two"]
    two.check()
    time_passes(600)
    assert two.check() == Found(taken=frozenset({0, 1}))
    assert one.check().lost == {0, 1}


def test_who_comes_back_gets_a_share_again_by_being_given_it() -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two):
        process.check()
    time_passes()
    one.check()  # finds its own renewed, and all of two's free
    assert owners() == ["one"] * 4
    assert two.check() == Found(lost=frozenset({2, 3}), awaited=frozenset({2, 3}))
    assert one.check() == Found(excess=frozenset({2, 3}))
    assert two.check() == Found(taken=frozenset({2, 3}))


def test_after_an_outage_nobody_takes_what_the_others_may_renew(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two):
        process.check()
    with monkeypatch.context() as broken:
        broken.setattr("devices.worker.ownership.looks.beat_and_look", _fail)
        one.now_s += 1
        with pytest.raises(DatabaseError):
            one.check()
    time_passes(60_000)
    for _ in range(4):
        assert not one.check().taken, "it is patient"
    assert two.check() == Found(), "and the other one back"
    for _ in range(9):
        assert (one.check(), two.check()) == (Found(), Found())


def test_an_outage_that_the_other_one_does_not_survive_ends_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two):
        process.check()
    one.now_s += 60  # it was stopped itself, or could not reach the database
    time_passes(60_000)
    looks = [one.check().taken for _ in range(8)]
    assert looks == [frozenset()] * 6 + [frozenset({2, 3})] + [frozenset()]


def _fail(*_args: Any) -> None:
    raise DatabaseError("gone")


def test_a_shard_that_was_taken_unheard_is_taken_again() -> None:
    one = Process("one")
    one.check()
    one.owned = frozenset({0, 1})  # the connection broke before it heard of the others
    assert one.check().taken == {2, 3}


def test_a_shard_that_is_being_given_up_is_left_alone() -> None:
    one = Process("one")
    one.check()
    assert one.leases.check(frozenset({0, 1, 2}), frozenset({3})).taken == frozenset()
    assert owners() == ["one"] * 4


def test_leaving_gives_all_up() -> None:
    one, two = Process("one"), Process("two")
    for process in (one, two, one, two):
        process.check()
    one.leases.leave()
    assert owners() == ["", "", "two", "two"]
    assert two.check() == Found(taken=frozenset({0, 1}))
    assert [row.owner for row in Worker.objects.all()] == ["two"]


def test_pinned_shards_are_left_to_the_pinned_one() -> None:
    one, pinned = Process("one"), Process("pinned", frozenset({1, 2}))
    one.check()
    assert pinned.check() == Found(awaited=frozenset({1, 2}))
    assert one.check() == Found(excess=frozenset({1, 2}))
    assert pinned.check() == Found(taken=frozenset({1, 2}))
    assert Worker.objects.get(owner="pinned").pinned == "1-2"


def test_of_two_pinned_to_one_shard_the_second_is_told_to_wait() -> None:
    one, two = Process("one", frozenset({1})), Process("two", frozenset({0, 1}))
    one.check()
    assert two.check() == Found(taken=frozenset({0}), kept_from_us=frozenset({1}))
    time_passes()
    assert two.check().taken == {1}


def test_one_more_shard_can_be_pinned_later() -> None:
    one, pinned = Process("one"), Process("pinned", frozenset({1}))
    one.check()
    pinned.leases.pin(3)
    pinned.check()
    assert one.check() == Found(excess=frozenset({1, 3}))


def test_rows_of_workers_that_are_long_gone_are_removed() -> None:
    Worker.objects.create(owner="old", beat_ms=DatabaseNowMs() - 61_000)
    Worker.objects.create(owner="late", beat_ms=DatabaseNowMs() - 50_000)
    Process("one").check()
    assert set(Worker.objects.values_list("owner", flat=True)) == {"late", "one"}


def test_rows_of_shards_that_are_missing_are_made() -> None:
    ShardState.objects.filter(shard__gt=1).delete()
    assert Process("one").check().taken == ALL


def test_nothing_is_taken_of_another_number_of_shards() -> None:
    Installation.objects.update(shards=8)
    with pytest.raises(ReshardedError, match="BRIDGE_SHARDS: 4 here, but the database has 8 shards by now"):
        Process("one").check()
    assert owners() == [""] * 4


def test_the_heartbeat_file_is_touched_with_the_beat(options: Callable[..., None], tmp_path: Path) -> None:
    options(heartbeat_file=str(tmp_path / "beat"))
    Process("one").check()
    assert (tmp_path / "beat").exists()
    options(heartbeat_file=str(tmp_path / "missing" / "beat"))
    Process("two").check()
