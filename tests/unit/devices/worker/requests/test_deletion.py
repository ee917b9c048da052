"""Deleted devices stay deleted until they publish; what the broker retains of them can be cleared."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.messages import Delivery
from devices.models import Device, LedgerCount, RetiredKey
from devices.worker.effects.results import RoundResults
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.downlinks import answer
from tests.support.worlds.ingest_worker import Worker, twin_of

A = key_in(0)
TOPICS = [
    f"devices/{A}/{suffix}" for suffix in ("status", "state", "model", "telemetry", "telemetry/t", "event/pressed")
]


@pytest.fixture(autouse=True)
def device(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1, "a/b": 2}), delivery(A, "event/pressed", 1))


def retained(topic: str, payload: Any) -> Delivery:
    return delivery(A, topic, payload, retain=True)


def topics(results: RoundResults) -> list[str]:
    return [message.topic for _, message in results.downlinks]


@pytest.mark.parametrize(
    "heard",
    [
        retained("status", b"online"),
        retained("status", b"offline"),
        retained("state", {"on": True}),
        retained("telemetry", {"t": 1}),
        retained("telemetry", b"{"),
        delivery(A, "status", b"offline"),
        delivery(A, "status", b"gibberish"),
        delivery(A, "state", b""),
    ],
    ids=lambda one: f"{one.kind} {one.payload!r} {one.retain}",
)
def test_case_a4_neither_what_is_retained_nor_the_broker_brings_a_deleted_device_back(
    worker: Worker, heard: Delivery
) -> None:
    worker.ask(A, "delete")
    worker.hear(heard)
    assert not Device.objects.exists()
    assert worker.last.commits == []
    outcomes = dict(LedgerCount.objects.filter(outcome="rejected").values_list("reason", "count"))
    assert outcomes == ({"deleted": 1} if heard.payload else {})


@pytest.mark.parametrize(
    "heard", [delivery(A, "telemetry", {}), delivery(A, "status", b"online"), delivery(A, "state", b"{")]
)
def test_case_a4_it_is_back_once_it_publishes_whatever_is_retained_beside(worker: Worker, heard: Delivery) -> None:
    worker.ask(A, "delete")
    worker.hear(retained("state", {"on": True}), heard)
    assert twin_of(A).reported.value == {"on": True}


def test_case_a4_a_device_never_deleted_is_known_by_what_is_retained(worker: Worker) -> None:
    b = key_in(0, nth=1)
    worker.hear(delivery(b, "status", b"online", retain=True))
    assert twin_of(b).presence.status == "unknown"


def test_case_a4_what_is_retained_is_cleared_until_the_broker_has_confirmed_it(worker: Worker) -> None:
    worker.ask(A, "delete", clear_retained=True)
    sent = worker.sent
    assert [(one.topic, one.payload, one.retain, one.qos) for one in sent] == [(it, b"", True, 1) for it in TOPICS]
    worker.published(sent[0], ok=False, reason="broker link down")
    worker.round(published=tuple(answer(one, at_ms=worker.now_ms) for one in sent[1:]))
    assert RetiredKey.objects.get().clearing == TOPICS
    assert topics(worker.wait(10)) == TOPICS[:1]
    worker.published(worker.sent[0])
    assert RetiredKey.objects.get().clearing == []
    assert worker.wait(100).downlinks == []


def test_case_a4_a_worker_that_comes_later_goes_on_clearing(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.ask(A, "delete", clear_retained=True)
    assert topics(another_worker().round()) == TOPICS


def test_case_a4_what_a_device_retains_that_is_back_is_its_own(worker: Worker) -> None:
    worker.ask(A, "delete", clear_retained=True)
    sent = worker.sent
    worker.hear(delivery(A, "status", b"online"))
    assert topics(worker.wait(10)) == [f"devices/{A}/desired"]
    worker.published(sent[0])
    assert RetiredKey.objects.get().clearing == []


def test_case_a4_nothing_is_cleared_unasked(worker: Worker) -> None:
    worker.ask(A, "delete")
    assert worker.sent == []
    assert RetiredKey.objects.get().clearing == []
