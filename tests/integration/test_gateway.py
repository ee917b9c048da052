"""The gateway's uplink on a real broker and Redis: bursts, and everything around it restarted or killed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.messages import Delivery
from mqtt_gateway.fakes import FakeWorker
from tests.integration.gateway_rig import SHARDS, Rig, gateway_rig, numbered
from tests.support.servers.postgres import PostgresService
from tests.support.servers.service import Service
from tests.support.thorough import thorough
from tests.support.waiting import eventually_async

RECOVERY_S = 15
both = pytest.mark.parametrize("rig", ["5", "3.1.1"], indirect=True)


@pytest.fixture(params=["5", *thorough("3.1.1")])
async def rig(request: pytest.FixtureRequest, mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig for each MQTT version."""
    async with gateway_rig(mosquitto, redis, tmp_path, MQTT_VERSION=request.param) as made:
        yield made


@pytest.fixture
async def rig_5(mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig for MQTT 5."""
    async with gateway_rig(mosquitto, redis, tmp_path) as made:
        yield made


def expected(count: int, devices: int = 7) -> dict[str, list[bytes]]:
    """Device → its payloads, as :func:`numbered` makes them."""
    return {f"demo/d{d}": [b"%d" % n for n in range(d, count, devices)] for d in range(devices)}


def by_device(rig: Rig) -> dict[str, list[bytes]]:
    """Device → what was applied."""
    return {device: rig.payloads(device) for device in sorted({one.source for one in rig.worker.deliveries})}


def distinct(payloads: list[bytes]) -> list[bytes]:
    """Each payload once, at its first place: a broker may deliver again what it got no PUBACK for."""
    return list(dict.fromkeys(payloads))


async def test_a_burst_arrives_once_and_in_order_and_is_confirmed(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await rig.publish(numbered(5_000))
    await rig.applied(5_000)
    assert by_device(rig) == expected(5_000)

    await asyncio.to_thread(rig.gateway.terminate)
    await rig.start()
    await rig.publish([("devices/demo/d0/telemetry", "last")])
    await eventually_async(lambda: rig.payloads()[-1] == b"last")
    assert len(rig.worker.deliveries) == 5_001, "the broker had all PUBACKs: nothing came again"


async def test_without_a_worker_the_broker_keeps_everything(rig: Rig) -> None:
    await rig.start()
    await rig.publish(numbered(3_000))
    rig.work()
    await rig.applied(3_000)
    assert by_device(rig) == expected(3_000)


@both
async def test_a_killed_gateway_gets_again_what_it_had_not_confirmed(rig: Rig) -> None:
    rig.worker.before_ack = lambda batch: not batch.deliveries  # applied, but the gateway never hears of it
    rig.work()
    await rig.start()
    await rig.publish(numbered(50))
    await eventually_async(lambda: rig.worker.deliveries)
    await asyncio.to_thread(rig.gateway.kill)
    rig.worker.before_ack = lambda _batch: True
    killed_epoch = rig.worker.batches[-1].epoch
    await rig.start()

    def taken(*, again: bool) -> list[Delivery]:
        batches = [batch for batch in rig.worker.batches if (batch.epoch > killed_epoch) is again]
        return [one for batch in batches for one in batch.deliveries]

    await eventually_async(lambda: len(taken(again=True)) >= 50, 20)
    again = taken(again=True)
    first = {one.packet_id: one.payload for one in taken(again=False)}
    assert sorted(int(one.payload) for one in again) == list(range(50))
    repeated = [one for one in again if one.dup]
    assert {one.packet_id: one.payload for one in repeated}.items() >= first.items(), "the same packet ids, with DUP"


async def test_a_dead_worker_is_waited_for(rig_5: Rig) -> None:
    rig = rig_5
    rig.work()
    await rig.start()
    await rig.publish(numbered(500))
    await rig.rest()
    await rig.publish(numbered(500, start=500))
    former = rig.worker
    rig.worker = FakeWorker(rig.layer, SHARDS)
    rig.worker._cursors, rig.worker.batches = former._cursors, former.batches  # what its database holds
    await asyncio.to_thread(rig.gateway.wait_for_line, "worker of shard . down", 30)
    rig.work()
    await rig.applied(1_000, RECOVERY_S)
    assert by_device(rig) == expected(1_000)
    count = rig.gateway.count_lines
    await eventually_async(lambda: count("worker of shard . down") == count("worker of shard . up again"))


@pytest.mark.parametrize("how", ["kill", *thorough("stop")])
async def test_a_restarted_redis_loses_nothing(rig_5: Rig, how: str) -> None:
    rig = rig_5
    rig.work()
    await rig.start()
    await rig.publish(numbered(300))
    publishing = asyncio.ensure_future(rig.publish(numbered(3_000, start=300)))
    await asyncio.to_thread(getattr(rig.redis, how))
    await publishing
    await asyncio.to_thread(rig.redis.start)
    await rig.applied(3_300, RECOVERY_S)
    assert by_device(rig) == expected(3_300)
    await asyncio.to_thread(rig.gateway.wait_for_line, "channel layer up again")
    *down, up = rig.gateway.outages("channel layer")
    assert (set(down), up) == ({"down"}, "up"), "one outage"


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_restarted_broker_is_found_again(rig: Rig, how: str) -> None:
    rig.work()
    await rig.start()
    await rig.publish(numbered(1_000))
    await rig.applied(1_000)
    since = rig.gateway.position()
    await asyncio.to_thread(getattr(rig.mosquitto, how))
    await asyncio.to_thread(rig.gateway.wait_for_line, "broker link down", 10, since=since)
    await asyncio.to_thread(rig.mosquitto.start)
    await rig.publish(numbered(1_000, start=1_000))  # the broker keeps them for the session that it saved, or
    await rig.up(since=since)
    if how == "kill":  # has lost it with the newest it knew: then only what comes after the new subscription
        await rig.publish([(f"devices/demo/d{n}/telemetry", b"after") for n in range(7)])
        await eventually_async(lambda: rig.payloads().count(b"after") == 7, RECOVERY_S)
    else:
        await eventually_async(lambda: len(set(rig.payloads())) == 2_000, RECOVERY_S)  # some may come twice
        assert {device: distinct(got) for device, got in by_device(rig).items()} == expected(2_000)
    assert rig.gateway.count_lines("broker link down", since=since) == 1
    assert rig.gateway.count_lines("broker link up", since=since) == 1


async def test_restarts_in_the_middle_of_a_burst_lose_nothing(rig: Rig) -> None:
    """Polite broker restarts and killed gateways while thousands are under way."""
    rig.work()
    await rig.start()
    await rig.publish(numbered(2_000))
    await asyncio.to_thread(rig.gateway.kill)
    await rig.publish(numbered(2_000, start=2_000))
    await rig.start()
    await asyncio.to_thread(rig.mosquitto.stop)
    await asyncio.to_thread(rig.mosquitto.start)
    await rig.publish(numbered(500, start=4_000))
    await eventually_async(lambda: len(set(rig.payloads())) == 4_500, 30)
    firsts = {device: distinct(got) for device, got in by_device(rig).items()}
    assert firsts == expected(4_500)


async def test_a_database_that_is_away_holds_deliveries_back_only(
    mosquitto: Service, redis: Service, postgres: PostgresService, tmp_path: Path
) -> None:
    async with gateway_rig(mosquitto, redis, tmp_path, DATABASE_URL=postgres.create_database()) as rig:
        rig.work()
        await rig.start()
        await asyncio.to_thread(postgres.stop)
        try:
            await rig.publish(numbered(100))
            await rig.applied(100)
            await asyncio.to_thread(rig.gateway.wait_for_line, "database down", 15)
            await asyncio.to_thread(mosquitto.stop)
            await asyncio.to_thread(mosquitto.start)
            await rig.publish(numbered(100, start=100))
        finally:
            await asyncio.to_thread(postgres.start)
        await eventually_async(lambda: len(set(rig.payloads())) == 200, RECOVERY_S)  # some may come twice
        assert {device: distinct(got) for device, got in by_device(rig).items()} == expected(200)
        *down, up = rig.gateway.outages("database")
        assert (set(down), up) == ({"down"}, "up"), "one outage"


@both
async def test_retained_messages_come_with_the_first_subscription_only(rig: Rig) -> None:
    await asyncio.to_thread(_retain, rig)
    rig.work()
    await rig.start()
    await rig.applied(1)
    assert [(one.payload, one.retain) for one in rig.worker.deliveries] == [(b"{}", True)]
    await asyncio.to_thread(rig.gateway.terminate)
    await rig.start()
    await rig.publish([("devices/demo/d0/state", "{}")])
    await rig.applied(2)
    assert [one.retain for one in rig.worker.deliveries] == [True, False]


def _retain(rig: Rig) -> None:
    from tests.support.clients.mqtt import MqttClient

    with MqttClient(rig.mosquitto.port) as client:
        client.publish("devices/demo/d0/state", "{}", retain=True)


async def test_bad_topics_and_huge_payloads_harm_nobody(rig_5: Rig) -> None:
    rig = rig_5
    rig.work()
    await rig.start()
    odd: list[tuple[str, Any]] = [
        ("devices/demo", "1"),
        ("devices/a/b/c/d/e/f/g", "1"),
        ("devices/de mo/d/telemetry", "1"),
        ("devices/demo/d/nonsense", "1"),
        ("devices/demo/d/telemetry", b"x" * 1_048_576),
        ("devices/demo/d/telemetry", b""),
        ("devices/demo/d/state", b"\xff\xfe"),
    ]
    await rig.publish([*odd, ("devices/demo/d/telemetry", "last")])
    await rig.applied(4)
    assert [len(payload) for payload in rig.payloads()] == [256 * 1024 + 1, 0, 2, 4]
    assert rig.gateway.count_lines("rejected topic") == 3, "a line a reason"


async def test_qos0_arrives_too(rig_5: Rig) -> None:
    rig_5.work()
    await rig_5.start()
    await rig_5.publish(numbered(200), qos=0)
    await rig_5.applied(200)
    assert by_device(rig_5) == expected(200)


@both
async def test_changed_filters_leave_no_old_subscription(rig: Rig) -> None:
    rig.work()
    await rig.start()
    await asyncio.to_thread(rig.gateway.terminate)
    rig.gateway.settings["GATEWAY_TOPIC_FILTERS"] = "devices/a/#,devices/b/#"
    await rig.start()
    await rig.publish([(f"devices/{site}/d/telemetry", site) for site in ("a", "c", "b")])
    await rig.applied(2)
    assert sorted(rig.payloads()) == [b"a", b"b"]
