import pytest

from devices.models import ShardState
from devices.requests.registry import register_device
from devices.web.live.queries.survey import Link, Shard, link, survey
from runtime.leases import LEASE_MS
from tests.support.worlds.fake_worker import install

NOW = 1_000_000


def shard(number: int, beat_ms: int = NOW, up_since_ms: int = 500) -> Shard:
    return Shard(number, 1, beat_ms, up_since_ms, NOW - beat_ms)


def test_all_is_up_since_the_later_of_both() -> None:
    assert link([shard(0), shard(1, up_since_ms=700)], 2, True, 600) == Link("up", "up", 700)
    assert link([shard(0), shard(1)], 2, True, 600) == Link("up", "up", 600)


def test_a_shard_without_a_fresh_beat_takes_the_workers_down() -> None:
    stale = shard(1, beat_ms=NOW - LEASE_MS)
    assert link([shard(0), stale], 2, True, 600) == Link("up", "down", NOW - LEASE_MS)
    assert link([shard(0)], 2, True, 600) == Link("up", "down", 600)
    assert link([], 2, False, 0) == Link("down", "down", 0)


def test_the_broker_is_down_when_the_gateways_say_so() -> None:
    assert link([shard(0)], 1, False, 900) == Link("down", "up", 900)


@pytest.mark.django_db
def test_a_survey_reads_commits_and_devices_made_since() -> None:
    install()
    ShardState.objects.filter(shard=1).update(commit=7)
    old = register_device("s/old")
    found = survey(None, 4)
    assert found.commits[1] == 7
    assert found.link.broker == "down"
    assert found.new_devices == [(old.pk, "s/old")]
    names = [register_device(f"s/{number}").key for number in range(3)]
    assert [key for _, key in survey(old.pk, 4).new_devices] == names
