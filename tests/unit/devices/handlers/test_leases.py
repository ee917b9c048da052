"""Which shards of a handler are whose: fair shares, takeover, giving up; what becomes of the rows of handlers."""

from typing import Any

import pytest
from django.db.models import F

from causeway import Reading
from devices.handlers.process.known import bring_up_to_date
from devices.handlers.process.leases import Leases
from devices.handlers.registry import HandlerSpec, Wanted
from devices.models import Handler, HandlerCursor, HandlerDevice, HandlerRunner
from devices.requests import handlers
from runtime.leases import LEASE_MS

NAME = "test.one"
pytestmark = pytest.mark.django_db


def nothing(_items: Any, _tx: Any) -> None:
    """Do nothing."""


def spec(version: int = 1) -> HandlerSpec:
    return HandlerSpec(NAME, nothing, Wanted(Reading), version=version, start="beginning")


@pytest.fixture(autouse=True)
def _known(db: None) -> None:
    assert bring_up_to_date({NAME: spec()}, 4) == {NAME}


def held(leases: Leases) -> set[int]:
    return set(leases.look().cursors)


def pass_time(owner: str) -> None:
    """So long has a process said nothing."""
    HandlerRunner.objects.filter(owner=owner).update(beat_ms=F("beat_ms") - LEASE_MS)
    HandlerCursor.objects.filter(owner=owner).update(beat_ms=F("beat_ms") - LEASE_MS)


def test_one_has_all_and_two_share_evenly() -> None:
    one, two = Leases(NAME, "one", 4), Leases(NAME, "two", 4)
    assert held(one) == {0, 1, 2, 3}
    assert held(two) == set()
    assert len(held(one)) == 2
    assert held(two) == {0, 1, 2, 3} - held(one)


def test_who_says_nothing_is_followed_by_who_lives_and_is_fenced() -> None:
    one, two = Leases(NAME, "one", 4), Leases(NAME, "two", 4)
    generations = {shard: row.generation for shard, row in one.look().cursors.items()}
    held(two)
    pass_time("one")
    taken = two.look().cursors
    assert set(taken) == {0, 1, 2, 3}
    assert all(row.generation > generations[shard] for shard, row in taken.items())


def test_who_leaves_is_followed_at_once() -> None:
    one, two = Leases(NAME, "one", 4), Leases(NAME, "two", 4)
    held(one)
    one.leave()
    assert held(two) == {0, 1, 2, 3}
    assert handlers.report(NAME)[0].processes == 1


def test_what_is_begun_anew_is_taken_anew() -> None:
    one = Leases(NAME, "one", 4)
    before = one.look().cursors
    assert one.look().cursors[2] is before[2]
    handlers.rebuild(NAME)
    after = one.look().cursors
    assert set(after) == {0, 1, 2, 3}
    assert all(row.begin == "beginning" and row.generation > before[shard].generation for shard, row in after.items())


def test_a_pause_is_noticed() -> None:
    one = Leases(NAME, "one", 4)
    assert not one.look().is_paused
    handlers.pause(NAME)
    assert one.look().is_paused
    handlers.resume(NAME)
    assert not one.look().is_paused


def test_another_version_begins_anew_once_nobody_runs_the_former_one() -> None:
    HandlerCursor.objects.update(commit=7, begin="")
    HandlerDevice.objects.create(handler_id=NAME, device="hall/a", state={"n": 1})
    one = Leases(NAME, "one", 4)
    one.look()
    assert bring_up_to_date({NAME: spec(2)}, 4) == set()
    assert HandlerCursor.objects.filter(commit=7).count() == 4
    one.leave()
    assert bring_up_to_date({NAME: spec(2)}, 4) == {NAME}
    assert not HandlerDevice.objects.exists()
    assert set(HandlerCursor.objects.values_list("commit", "begin")) == {(0, "beginning")}
    assert Handler.objects.get().version == 2


def test_the_same_version_goes_on_where_it_was() -> None:
    HandlerCursor.objects.update(commit=7, begin="")
    assert bring_up_to_date({NAME: spec()}, 4) == {NAME}
    assert set(HandlerCursor.objects.values_list("commit", "begin")) == {(7, "")}


def test_a_handler_that_is_in_no_app_any_more_is_gone_until_it_is_back() -> None:
    assert bring_up_to_date({}, 4) == set()
    assert handlers.report(NAME)[0].state == "gone"
    with pytest.raises(Exception, match="there is no handler"):
        handlers.pause(NAME)
    bring_up_to_date({NAME: spec()}, 4)
    assert handlers.report(NAME)[0].state == "running"
