"""Which shards have a worker."""

import time

import pytest

from devices.models import ShardState
from devices.requests.shard_owners import unowned_shards
from runtime.leases import LEASE_MS
from tests.support.worlds.fake_worker import install

pytestmark = pytest.mark.django_db


def test_a_shard_with_an_old_beat_or_none_has_no_worker() -> None:
    install()
    assert unowned_shards() == [0, 1, 2, 3]
    now_ms = int(time.time() * 1000)
    ShardState.objects.filter(shard__in=[0, 2]).update(beat_ms=now_ms)
    ShardState.objects.filter(shard=3).update(beat_ms=now_ms - LEASE_MS - 1)
    assert unowned_shards() == [1, 3]
