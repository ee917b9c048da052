"""A worker whose clock the tests hold, for those who follow what it writes."""

import pytest

from devices.worker.effects.rate_gate import RateGate
from tests.support.worlds.ingest_worker import Worker


@pytest.fixture
def worker(db: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Has taken its shards; its sweeps come with each round."""
    monkeypatch.setattr(RateGate, "__call__", lambda self: True)
    worker = Worker()
    worker.round()
    return worker
