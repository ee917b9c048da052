"""Case H: what one message, or one device, may become in the worker."""

import msgspec
import pytest

from bridge.messages import Delta
from devices.models import Twin
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db

A, B = key_in(0), key_in(0, nth=1)


def stored_bytes(key: str) -> int:
    return len(msgspec.json.encode(Twin.objects.get(device__key=key).doc))


def test_case_h1_a_long_key_above_many_leaves_is_kept_once(worker: Worker) -> None:
    payload = msgspec.json.encode({"K" * 60_000: {f"l{number}": number for number in range(1_999)}})
    worker.hear(delivery(A, "state", payload))
    assert stored_bytes(A) < 2 * len(payload)
    worker.hear(delivery(A, "state", {"K" * 60_000: {"l7": -1}}))
    assert worker.seen[0]["reported"] == {"K" * 60_000: {"l7": -1}}
    assert stored_bytes(A) < 3 * len(payload)


def test_case_h1_a_state_of_too_many_values_is_rejected_whole(worker: Worker) -> None:
    for part in range(6):
        worker.hear(delivery(A, "state", {f"{part}-{number}": 0 for number in range(1_999)}))
    assert len(twin_of(A).reported.value) == 5 * 1_999


def test_case_h3_what_went_all_at_once_is_told_by_a_snapshot(worker: Worker) -> None:
    worker.hear(delivery(A, "state", {f"{number}" * 200: 1 for number in range(400)}))
    assert worker.seen
    full = stored_bytes(A)
    worker.hear(
        delivery(A, "state", {f"{number}" * 200: None for number in range(400)}), delivery(B, "state", {"b": 1})
    )
    of_a, of_b = (change for commit in worker.last.commits for change in commit.changes)
    assert isinstance(of_a, Delta)
    assert isinstance(of_b, Delta)
    assert (of_a.prev, of_a.rev) == (of_a.rev, twin_of(A).rev), "from where nobody stands: browsers ask the database"
    assert of_b.prev < of_b.rev
    assert stored_bytes(A) < full / 100
