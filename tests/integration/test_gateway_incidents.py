"""What may have cost messages, told: on real brokers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gateway_rig import CLIENT_ID, Rig, gateway_rig, numbered
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

QUEUE_LIMIT = 50


@pytest.fixture
async def rig(mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig; nothing is started."""
    async with gateway_rig(mosquitto, redis, tmp_path) as made:
        yield made


@pytest.fixture
def small_mosquitto() -> Iterator[Service]:
    """A broker that keeps few messages for a client that is away."""
    service = mosquitto_service(max_queued_messages=QUEUE_LIMIT)
    service.start()
    yield service
    service.close()


def query(rig: Rig, statement: str) -> list[tuple[Any, ...]]:
    """Read the database."""
    with rig.database() as database:
        return database.execute(statement).fetchall()


def incidents(rig: Rig) -> list[tuple[Any, ...]]:
    """Kind, count, since, until."""
    return query(rig, "SELECT kind, count, since_ms, until_ms FROM mqtt_gateway_incident")


def counters(rig: Rig) -> dict[str, Any]:
    """As the gateway last wrote them."""
    rows = query(rig, "SELECT counters FROM mqtt_gateway_gatewayprocess")
    return json.loads(rows[0][0]) if rows else {}


def drained_ms(rig: Rig) -> int:
    """As the gateway last wrote it."""
    return int(query(rig, "SELECT drained_ms FROM mqtt_gateway_gatewayprocess")[0][0])


def _forget_session(rig: Rig) -> None:
    """What an operator or a broker without persistence does."""
    with MqttClient(rig.mosquitto.port, client_id=CLIENT_ID):
        pass


async def test_a_lost_session_is_told_since_the_last_time_that_all_was_well(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await eventually_async(lambda: drained_ms(rig))
    await asyncio.to_thread(rig.gateway.terminate)
    well_ms = drained_ms(rig)
    await asyncio.to_thread(_forget_session, rig)
    began_ms = time.time_ns() // 1_000_000
    await rig.start()
    ((kind, count, since_ms, until_ms),) = incidents(rig)
    assert (kind, count, since_ms) == ("session_lost", 1, well_ms)
    assert until_ms >= began_ms
    sessions = [batch.session for batch in rig.worker.batches]
    assert sorted(set(sessions)) == [1, 2], "batches tell the new one"


async def test_what_the_broker_drops_is_told(small_mosquitto: Service, redis: Service, tmp_path: Path) -> None:
    async with gateway_rig(small_mosquitto, redis, tmp_path) as rig:
        rig.work()
        await rig.start()
        await eventually_async(lambda: counters(rig).get("broker", {}).get("dropped") == 0)
        assert counters(rig)["broker"]["stored"] >= 0
        began_ms = time.time_ns() // 1_000_000
        await asyncio.to_thread(_overfill, rig, QUEUE_LIMIT + 30)
        ended_ms = time.time_ns() // 1_000_000
        await eventually_async(lambda: sum(row[1] for row in incidents(rig)) == 30)
        ((kind, _, since_ms, until_ms),) = incidents(rig)
        assert kind == "broker_dropped"
        assert began_ms - 5_000 < since_ms <= min(ended_ms, began_ms + 5_000)
        assert since_ms <= until_ms


async def test_what_the_broker_drops_while_the_gateway_is_away_is_told(
    small_mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    async with gateway_rig(small_mosquitto, redis, tmp_path) as rig:
        rig.work()
        await rig.start()
        await eventually_async(lambda: counters(rig).get("broker", {}).get("dropped") == 0)
        await asyncio.to_thread(rig.gateway.terminate)
        stopped_ms = time.time_ns() // 1_000_000
        await rig.publish(numbered(QUEUE_LIMIT + 30))
        await rig.start()
        await eventually_async(lambda: sum(row[1] for row in incidents(rig)) >= 30)
        assert len(incidents(rig)) == 1
        assert incidents(rig)[0][2] <= stopped_ms


def _overfill(rig: Rig, count: int) -> None:
    """More than fits into the queue of a client that is away."""
    MqttClient(rig.mosquitto.port, client_id="away", clean=False, session_expiry_s=600).close()
    with MqttClient(rig.mosquitto.port, client_id="away", clean=False, session_expiry_s=600) as client:
        client.subscribe("elsewhere/#")
    with MqttClient(rig.mosquitto.port) as client:
        client.publish_all(("elsewhere/x", b"%d" % n) for n in range(count))


def _see_dropped(rig: Rig, count: bytes) -> None:
    """Wait until the broker has said so."""
    topic = "$SYS/broker/publish/messages/dropped"
    with MqttClient(rig.mosquitto.port) as client:
        client.subscribe(topic)
        while client.expect(topic).payload != count:
            pass


async def test_retained_figures_of_the_broker_alone_are_no_incident(
    small_mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    async with gateway_rig(small_mosquitto, redis, tmp_path) as rig:
        await asyncio.to_thread(_overfill, rig, QUEUE_LIMIT + 30)
        await asyncio.to_thread(_see_dropped, rig, b"30")
        rig.work()
        await rig.start()
        await eventually_async(lambda: counters(rig).get("broker", {}).get("dropped") == 30)
        assert incidents(rig) == []


async def test_qos0_beyond_what_we_hold_is_told_and_counted(rig: Rig) -> None:
    await rig.start()  # and no worker
    await rig.publish(numbered(10_000, devices=1), qos=0)
    await eventually_async(lambda: counters(rig).get("dropped", 0) > 0)
    await eventually_async(lambda: [row[0] for row in incidents(rig)] == ["qos0_dropped"])
    rig.work()
    await eventually_async(lambda: len(rig.worker.deliveries) + counters(rig)["dropped"] == 10_000, 20)
    assert rig.payloads()[-1] == b"9999", "the newest is kept"
    await eventually_async(lambda: incidents(rig)[0][1] == counters(rig)["dropped"])


async def test_at_the_limit_the_broker_waits_and_the_lag_is_shown(rig: Rig) -> None:
    await rig.start()  # and no worker
    await rig.publish(numbered(9_000))
    await eventually_async(lambda: counters(rig).get("saturated_ms", 0) > 0)
    shown = counters(rig)
    assert shown["in_flight"] <= shown["in_flight_limit"] == 8_192
    assert sum(shown["entered"]["shards"].values()) == shown["in_flight"]
    rig.work()
    await rig.applied(9_000, 40)
    await eventually_async(lambda: counters(rig)["saturated_ms"] == 0)
    await eventually_async(lambda: counters(rig)["in_flight"] == 0)
