"""Commands and desired state through a real broker; birth, will and goodbye of the gateway itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from bridge.messages import Publish
from tests.integration.gateway_rig import GATEWAY, STATUS_TOPIC, Rig, gateway_rig
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.service import Service
from tests.support.thorough import thorough
from tests.support.waiting import eventually_async
from tests.support.worlds import downlinks

PAHO = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
both = pytest.mark.parametrize("rig", list(PAHO), indirect=True)


@pytest.fixture(params=["5", *thorough("3.1.1")])
async def rig(request: pytest.FixtureRequest, mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig for each MQTT version, its gateway up and its worker at work."""
    async with gateway_rig(mosquitto, redis, tmp_path, MQTT_VERSION=request.param) as made:
        made.work()
        await made.start()
        yield made


@pytest.fixture
def device(rig: Rig) -> Iterator[MqttClient]:
    """A device that hears everything for it; MQTT 5, to see the properties."""
    with MqttClient(rig.mosquitto.port) as client:
        client.subscribe("devices/demo/d1/#")
        client.subscribe(STATUS_TOPIC)
        yield client


def command(command_id: str, ttl_ms: int = 30_000) -> Publish:
    return downlinks.command(1, "demo/d1", command_id, "set_led", b'{"on":true}', int(time.time() * 1000) + ttl_ms)


@both
async def test_a_command_reaches_the_device_and_the_worker_hears_of_it(rig: Rig, device: MqttClient) -> None:
    await rig.order(command("c1"))
    message = await asyncio.to_thread(device.expect, "devices/demo/d1/command/c1/set_led")
    assert (message.payload, message.qos, message.retain) == (b'{"on":true}', 1, False)
    if rig.settings["MQTT_VERSION"] == "5":
        assert message.properties is not None
        assert message.properties.CorrelationData == b"c1"  # type: ignore[attr-defined]
        assert message.properties.ResponseTopic == "devices/demo/d1/ack/c1"  # type: ignore[attr-defined]
        assert 25 <= message.properties.MessageExpiryInterval <= 30  # type: ignore[attr-defined]
    await eventually_async(lambda: rig.worker.published)
    answer = rig.worker.published[0]
    assert (answer.token, answer.ok, answer.device, answer.gateway) == (b"c1", True, "demo/d1", GATEWAY)


@both
async def test_our_own_publications_come_back_to_nobody(rig: Rig, device: MqttClient) -> None:
    await rig.order(command("c1"))
    await asyncio.to_thread(device.expect, "devices/demo/d1/command/c1/set_led")
    await rig.publish([("devices/demo/d1/telemetry", "1")])
    await rig.applied(1)
    assert [one.topic for one in rig.worker.deliveries] == ["devices/demo/d1/telemetry"]


async def test_desired_is_retained_until_it_is_cleared(rig: Rig) -> None:
    for payload in (b'{"version":1,"delta":{"led":true}}', b""):
        await rig.order(downlinks.desired(1, "demo/d1", payload))
    await eventually_async(lambda: len(rig.worker.published) == 2)
    assert all(answer.ok and answer.token.startswith(b"d") for answer in rig.worker.published)
    await rig.order(downlinks.desired(1, "demo/d1", b'{"version":2,"delta":{"led":false}}'))
    await eventually_async(lambda: len(rig.worker.published) == 3)
    with MqttClient(rig.mosquitto.port) as late:
        await asyncio.to_thread(late.subscribe, "devices/demo/d1/desired")
        message = await asyncio.to_thread(late.expect, "devices/demo/d1/desired")
    assert (message.payload, message.retain) == (b'{"version":2,"delta":{"led":false}}', True)


async def test_commands_keep_their_order(rig: Rig, device: MqttClient) -> None:
    for number in range(100):
        await rig.order(command(f"c{number}"))
    topics = [(await asyncio.to_thread(device.expect, "devices/demo/d1/command/#")).topic for _ in range(100)]
    assert topics == [f"devices/demo/d1/command/c{number}/set_led" for number in range(100)]
    await eventually_async(lambda: len(rig.worker.published) == 100)
    assert all(answer.ok for answer in rig.worker.published)


async def test_a_broker_that_is_away_is_said_at_once_and_an_expired_command_is_not_sent(rig: Rig) -> None:
    await rig.order(command("old", ttl_ms=-1))
    await eventually_async(lambda: [answer.reason for answer in rig.worker.published] == ["expired"])
    since = rig.gateway.position()
    await asyncio.to_thread(rig.mosquitto.stop)
    await asyncio.to_thread(rig.gateway.wait_for_line, "broker link down", 10, since=since)
    await rig.order(command("c1"))
    await eventually_async(lambda: len(rig.worker.published) == 2)
    assert (rig.worker.published[1].ok, rig.worker.published[1].reason) == (False, "broker link down")


@both
async def test_birth_goodbye_and_will(rig: Rig, device: MqttClient) -> None:
    async def status() -> bytes:
        message = await asyncio.to_thread(device.expect, STATUS_TOPIC)
        return message.payload

    assert await status() == b"online"
    assert await asyncio.to_thread(rig.gateway.terminate) == 0
    assert await status() == b"offline"
    await rig.start()
    assert await status() == b"online"
    await asyncio.to_thread(rig.gateway.kill)
    assert await status() == b"offline"
