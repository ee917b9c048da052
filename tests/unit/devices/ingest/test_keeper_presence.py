"""Silence."""

from collections.abc import Callable

import pytest

from devices.models import Device, Twin
from tests.support.ingest import NOW_MS, delivery, key_in
from tests.support.ingest_worker import Worker, twin_of

A, B = key_in(0), key_in(1)


@pytest.fixture(autouse=True)
def device(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))


def status(key: str = A) -> str:
    return str(Twin.objects.get(device__key=key).status)


def test_a_device_silent_for_too_long_is_stale(worker: Worker) -> None:
    worker.wait(300)
    assert status() == "online"
    worker.wait(0.001)
    assert status() == "stale"
    assert worker.seen == [
        {
            "device": A,
            "prev": 2,
            "rev": 3,
            "readings": [],
            "presence": {"status": "stale", "since": NOW_MS + 300_001, "why": "silence"},
        }
    ]
    assert worker.wait(1000).commits == []


def test_a_message_puts_it_off(worker: Worker) -> None:
    worker.now_ms += 200_000
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    worker.wait(250)
    assert status() == "online"
    worker.wait(51)
    assert status() == "stale"


def test_a_message_in_the_same_round_comes_first(worker: Worker) -> None:
    worker.now_ms += 301_000
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    assert status() == "online"
    worker.wait(301)
    assert status() == "stale"


def test_it_comes_back_and_is_watched_again(worker: Worker) -> None:
    worker.wait(301)
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    assert status() == "online"
    worker.wait(301)
    assert status() == "stale"


def test_an_offline_device_is_not_stale(worker: Worker) -> None:
    worker.hear(delivery(A, "status", b"offline"))
    worker.wait(301)
    assert status() == "offline"


def test_a_device_has_a_limit_of_its_own(worker: Worker) -> None:
    worker.hear(delivery(B, "telemetry", {"t": 1}))
    Device.objects.filter(key=A).update(stale_after_s=10)
    worker.wait(10)
    worker.wait(0.1)
    assert (status(A), status(B)) == ("stale", "online")


def test_a_limit_that_grows_or_goes_counts_too(worker: Worker) -> None:
    for limit, waited in ((10, 9), (1000, 400), (None, 301)):
        worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
        Device.objects.filter(key=A).update(stale_after_s=limit)
        worker.round()
        worker.wait(waited)
        assert status() == ("stale" if limit is None else "online")


def test_nobody_is_stale_because_we_were_away(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    other = another_worker()
    other.now_ms += 10_000_000
    other.round()
    other.wait(300)
    assert status() == "online"
    other.wait(1)
    assert status() == "stale"


def test_silence_means_nothing_while_no_gateway_is_connected(worker: Worker, gateway_link: list[int | None]) -> None:
    gateway_link[0] = None
    worker.wait(1000)
    assert status() == "online"
    gateway_link[0] = worker.now_ms
    worker.wait(300)
    assert status() == "online"
    worker.wait(1)
    assert status() == "stale"


def test_silence_means_nothing_while_the_layer_brings_nothing(worker: Worker) -> None:
    worker.listening_since_ms = None
    worker.wait(1000)
    assert status() == "online"
    worker.listening_since_ms = worker.now_ms
    worker.wait(300)
    assert status() == "online"
    worker.wait(1)
    assert status() == "stale"
    assert twin_of(A).presence.why == "silence"
