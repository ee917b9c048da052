"""What workers reject is kept by topic: in the next round, and not lost with one that fails."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from bridge.dialects.refusals.rejections import Rejections
from devices.models import Rejected
from devices.worker.link import rejections
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

pytestmark = pytest.mark.django_db

A, ELSEWHERE = key_in(0), key_in(1)


@pytest.fixture
def worker(options: Callable[..., None], another_worker: Any, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Of an installation in which no device registers itself."""
    monkeypatch.setattr(rejections, "waiting", Rejections())
    options(auto_register=False)
    made: Worker = another_worker()
    return made


def stored() -> list[tuple[str, str, str, int]]:
    return list(Rejected.objects.order_by("writer").values_list("writer", "topic", "reason", "count"))


def test_case_i8_what_is_rejected_is_stored_in_the_next_round_by_topic(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(A, "telemetry", {"t": 2}))
    worker.hear(delivery(ELSEWHERE, "state", {}))
    assert stored() == [("0", f"devices/{A}/telemetry", "unknown_device", 2)]
    assert worker.last.next_ms is not None
    worker.wait(1)
    assert stored()[1:] == [("1", f"devices/{ELSEWHERE}/state", "unknown_device", 1)]
    assert bytes(Rejected.objects.get(writer="0").payload) == b'{"t":2}'


def test_a_round_that_fails_costs_none(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("no room")

    worker.hear(delivery(A, "telemetry", {"t": 1}))
    with monkeypatch.context() as patch:
        patch.setattr(rejections, "record", fail)
        with pytest.raises(DatabaseError):
            worker.wait(1)
    worker.wait(1)
    assert stored() == [("0", f"devices/{A}/telemetry", "unknown_device", 1)]
