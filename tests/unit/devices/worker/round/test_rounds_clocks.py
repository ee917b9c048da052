"""Clocks that were set: nothing freezes, nothing is judged by a time that there was not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from devices.models import Command, Device, Reading, Twin
from runtime import database_clock
from runtime.database_clock import DatabaseClock
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.conftest import GatewayLink

A, DAY_MS = key_in(0), 86_400_000


@pytest.fixture(autouse=True)
def clock() -> Iterator[DatabaseClock]:
    """The process's; tests have the database say that it was set."""
    kept = dict(vars(database_clock.clock))
    yield database_clock.clock
    vars(database_clock.clock).update(kept)


def leap(clock: DatabaseClock) -> None:
    clock.told(clock.now_ms(), clock.asking())
    clock.told(clock.now_ms() + DAY_MS, clock.asking())


def status() -> str:
    return str(Twin.objects.get(device__key=A).status)


def test_case_d1_a_gateway_a_day_ahead_for_ten_seconds_freezes_nothing(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}, at_ms=NOW_MS + DAY_MS))
    worker.now_ms = NOW_MS + 10_000
    worker.hear(delivery(A, "telemetry", {"t": 2}, at_ms=worker.now_ms))
    twin = twin_of(A)
    assert (twin.metrics["t"].value, twin.metrics["t"].ts) == (2, worker.now_ms)
    assert [one.get("metrics") for one in worker.seen] == [{"t": None}, None]
    assert worker.seen[1]["readings"][0]["ts"] == worker.now_ms
    assert worker.seen[0]["presence"]["since"] <= worker.now_ms
    worker.wait(301)
    assert status() == "stale"


def test_case_d1_a_device_heard_a_day_ahead_only_is_stale_after_its_time(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}, at_ms=NOW_MS + DAY_MS))
    worker.wait(295)
    assert status() == "online"
    worker.wait(10)
    assert status() == "stale"


def test_case_d1_a_will_heard_a_day_ahead_is_not_waited_for_a_day(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    worker.hear(delivery(A, "status", b"online"))
    gateways[GATEWAY].drained_ms = NOW_MS
    worker.hear(delivery(A, "status", b"offline", at_ms=NOW_MS + DAY_MS))
    worker.wait(5)
    assert status() == "unknown"


def test_case_d1_after_the_clock_was_set_all_timers_begin_anew(worker: Worker, clock: DatabaseClock) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.now_ms += DAY_MS
    worker.ask(A, "desired", patch={"n": 1}, if_version=None)
    assert len(worker.sent) == 1  # again in five seconds, a day ahead
    worker.now_ms = NOW_MS + 10_000
    assert worker.round().downlinks == []
    leap(clock)
    assert [message.topic for _, message in worker.round().downlinks] == [f"devices/{A}/desired"]


def test_case_d1_while_the_clock_is_not_steady_nothing_expires_and_nobody_is_stale(
    worker: Worker, clock: DatabaseClock
) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    device = Device.objects.get()
    accepted = [{"status": "accepted", "at_ms": NOW_MS}]
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    command = Command.objects.create(
        device=device,
        name="x",
        args={},
        created_at=at,
        expires_at=at + timedelta(seconds=60),
        timeline=accepted,
    )
    worker.commanded(command.pk)
    leap(clock)
    worker.wait(DAY_MS / 1000)
    worker.wait(1)
    command.refresh_from_db()
    assert (command.status, status()) == ("accepted", "online")
    clock._leapt_ns = None
    worker.wait(10)
    command.refresh_from_db()
    assert (command.status, status()) == ("expired", "stale")
    assert Reading.objects.count() == 1
