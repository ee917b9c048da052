"""Whatever the layer drops, repeats or reorders, and however often the worker dies: each delivery takes effect once."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.messages import Delivery
from devices.models import LedgerCount, Reading
from tests.support.ingest import delivery, key_in
from tests.support.ingest_worker import Worker, twin_of

_fresh = count()

FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "drop", "repeat", "reverse"]),
        st.sampled_from(["acks arrive", "acks are lost"]),
        st.sampled_from(["lives", "lives", "lives", "dies"]),
    ),
    max_size=12,
)
PAYLOADS: st.SearchStrategy[list[tuple[str, object]]] = st.lists(
    st.one_of(
        st.tuples(st.just("telemetry"), st.fixed_dictionaries({"t": st.integers(0, 9)})),
        st.tuples(st.just("state"), st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2)),
        st.tuples(st.just("event/x"), st.integers(0, 9)),
        st.tuples(st.just("telemetry"), st.just([[]])),
    ),
    min_size=1,
    max_size=12,
)


def drive(worker: Worker, faults: list[tuple[str, str, str]]) -> Worker:
    """Send what is under way, as the gateway does, through ``faults`` and then until all is acknowledged."""
    for transport, acks, life in [*faults, ("deliver", "acks arrive", "lives")]:
        batches = worker.uplink.under_way()
        if life == "dies":
            successor = Worker(f"worker {next(_fresh)}")
            successor.uplink, worker = worker.uplink, successor
        if transport == "drop":
            batches = batches[1:]
        elif transport == "repeat":
            batches = [*batches, *batches]
        elif transport == "reverse":
            batches = batches[::-1]
        for batch in batches:
            worker.take(batch)
            if acks == "acks arrive":
                for ack in worker.acks:
                    worker.uplink.acknowledged(ack)
    return worker


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAYLOADS, FAULTS, st.integers(1, 3))
def test_each_delivery_takes_effect_once(
    db: None, payloads: list[tuple[str, object]], faults: list[tuple[str, str, str]], per_batch: int
) -> None:
    LedgerCount.objects.all().delete()
    faulty, straight = (key_in(0, name=f"f{next(_fresh)}-") for _ in range(2))
    worker = Worker(f"worker {next(_fresh)}", epoch=next(_fresh) + 1)
    messages = [delivery(faulty, topic, payload) for topic, payload in payloads]
    for start in range(0, len(messages), per_batch):
        worker.uplink.batch(*messages[start : start + per_batch])
    worker = drive(worker, faults)
    assert worker.uplink.under_way() == []
    counts = list(LedgerCount.objects.values_list("outcome", "count"))
    assert sum(count for outcome, count in counts if outcome == "received") == len(messages)
    assert sum(count for outcome, count in counts if outcome != "received") == len(messages)
    worker.hear(*(_for(straight, one) for one in messages))
    assert twin_of(faulty) == twin_of(straight)
    assert _readings(faulty) == _readings(straight)


def _for(key: str, one: Delivery) -> Delivery:
    topic = one.topic.removeprefix(f"devices/{one.device}/")
    return delivery(key, topic, one.payload)


def _readings(key: str) -> Counter[tuple[int, str]]:
    return Counter((row.rev, str(row.metrics)) for row in Reading.objects.filter(device__key=key))
