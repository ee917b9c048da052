"""An installation whose gateway had a client id that everybody knows: nothing is lost on the way to a secret one."""

import asyncio
import functools
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.integration.gateway_rig import STATUS_TOPIC, Rig, gateway_rig, numbered
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.processes import Process, manage
from tests.support.servers.service import Service
from tests.support.thorough import LONG, thorough
from tests.support.waiting import eventually_async

OLD = "causeway-gateway"
OLD_STATUS = f"causeway/gateway/{OLD}/status"
QUEUED = 1_000
MEANWHILE = 600
KILLS = 6 if LONG else 3
SECRET = re.compile(r"causeway-gateway-[a-z0-9]{16}")


@pytest.fixture(params=["5", *thorough("3.1.1")])
async def rig(mosquitto: Service, redis: Service, tmp_path: Path, request: Any) -> AsyncIterator[Rig]:
    """As the release before left it: a session under the old default, 1,000 messages in it, retained ones besides."""
    names = {"MQTT_CLIENT_ID": OLD, "GATEWAY_NAME": OLD, "MQTT_VERSION": request.param}
    async with gateway_rig(mosquitto, redis, tmp_path, **names) as made:
        made.work()
        await made.start()
        await eventually_async(lambda: query(made, "SELECT 1 FROM mqtt_gateway_gatewayprocess WHERE drained_ms > 0"))
        with MqttClient(mosquitto.port) as client:
            await asyncio.to_thread(client.publish, "devices/demo/d0/state", b'{"kept": 1}', retain=True)
        await made.applied(1)
        await asyncio.to_thread(made.gateway.terminate)
        query(made, "UPDATE mqtt_gateway_gatewayprocess SET name = '', mqtt_client_id = ''")
        await made.publish(numbered(QUEUED))
        settings = {**made.settings, "GATEWAY_NAME": "gw"}
        del settings["MQTT_CLIENT_ID"]
        made.gateway = Process("gateway", manage("run_gateway"), settings, tmp_path / "new-gateway.log")
        yield made
        await asyncio.to_thread(made.gateway.kill)


def query(rig: Rig, statement: str) -> list[tuple[Any, ...]]:
    """Read or change the database."""
    with rig.database() as database:
        return database.execute(statement).fetchall()


def switched(rig: Rig) -> bool:
    """Whether the old session is gone, and the new one counts."""
    rows = "SELECT count(*) FROM mqtt_gateway_gatewayprocess WHERE retired AND client_id = 'causeway-gateway'"
    done = "SELECT count(*) FROM mqtt_gateway_gatewayprocess WHERE NOT retired AND switch = '' AND epoch > 0"
    left = "SELECT count(*) FROM mqtt_gateway_brokersession WHERE client_id = 'causeway-gateway'"
    return [query(rig, statement)[0][0] for statement in (rows, done, left)] == [1, 1, 0]


def has_session(port: int, client_id: str) -> bool:
    """Whether the broker keeps one under this client id."""
    answer: list[bool] = []
    said = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=MQTTProtocolVersion.MQTTv311)

    def connected(_client: Any, _data: Any, flags: Any, *_: Any) -> None:
        answer.append(bool(flags.session_present))
        said.set()

    client.on_connect = connected
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert said.wait(10)
    client.disconnect()
    client.loop_stop()
    return answer[0]


async def all_came_once(rig: Rig) -> None:
    """Each of the numbers, one device's in their order, and nothing of what is retained again."""
    await eventually_async(lambda: switched(rig), 60, what="the switch")
    await rig.publish(numbered(10, start=QUEUED + MEANWHILE))
    total = QUEUED + MEANWHILE + 10
    await rig.applied(1 + total, 60)
    assert sorted(int(one) for one in rig.payloads()[1:]) == list(range(total))
    for device in range(7):
        numbers = [int(one) for one in rig.payloads(f"demo/d{device}") if one.isdigit()]
        assert numbers == sorted(numbers)


async def publish_meanwhile(rig: Rig) -> None:
    """Devices that go on."""
    for start in range(QUEUED, QUEUED + MEANWHILE, 10):
        await rig.publish(numbered(10, start=start))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("rig", ["5", "3.1.1"], indirect=True)
async def test_case_e1_the_old_session_is_drained_while_devices_publish(rig: Rig) -> None:
    going_on = asyncio.ensure_future(publish_meanwhile(rig))
    await rig.start()
    await going_on
    await all_came_once(rig)
    with MqttClient(rig.mosquitto.port) as reader:
        await asyncio.to_thread(reader.subscribe, "causeway/gateway/+/status")
        said: list[tuple[str, bytes]] = []
        while (STATUS_TOPIC, b"online") not in said:
            received = await asyncio.to_thread(reader.expect, "causeway/#")
            said.append((received.topic, received.payload))
        assert OLD_STATUS not in dict(said), "the old one's is cleared"
    (found,) = query(rig, "SELECT mqtt_client_id FROM mqtt_gateway_gatewayprocess WHERE NOT retired")
    assert SECRET.fullmatch(found[0])
    assert found[0] not in rig.gateway.log()
    assert not await asyncio.to_thread(has_session, rig.mosquitto.port, OLD)
    assert query(rig, "SELECT * FROM mqtt_gateway_incident") == []


def has_come_to(rig: Rig, count: int) -> bool:
    """Whether so many different messages were applied, or none of the old session is left."""
    return len(set(rig.payloads())) >= count or switched(rig)


async def test_case_e1_a_gateway_that_is_killed_again_and_again_loses_nothing_between_the_sessions(rig: Rig) -> None:
    going_on = asyncio.ensure_future(publish_meanwhile(rig))
    for step in range(KILLS):
        await rig.start()
        come = functools.partial(has_come_to, rig, (step + 1) * QUEUED // KILLS)
        await eventually_async(come, what="some more have come", pause_s=0.01)
        await asyncio.to_thread(rig.gateway.kill)
    await going_on
    await rig.start()
    await eventually_async(lambda: switched(rig), 60, what="the switch")
    await rig.publish(numbered(10, start=QUEUED + MEANWHILE))
    everything = {b"%d" % number for number in range(QUEUED + MEANWHILE + 10)}
    await eventually_async(lambda: everything <= set(rig.payloads()), 60, what="nothing is lost")
    seen: set[bytes] = set()
    for one in rig.worker.deliveries:
        assert not one.payload.isdigit() or one.dup or one.payload not in seen, "twice, and the broker does not say so"
        seen.add(one.payload)
