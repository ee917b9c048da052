"""Subscriptions of several dialects on a real broker: copies, what sources want, what is retained, what is big."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.messages import FiltersChanged, ListenAsked, Refetch
from tests.integration.gateway_rig import Rig, gateway_rig
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

END = "devices/demo/d1/event/end"


@pytest.fixture
async def rig(mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig in which sources may want filters of their own."""
    settings = {"DIALECTS": "native,tasmota@home,shelly@home,zigbee2mqtt@home"}
    async with gateway_rig(mosquitto, redis, tmp_path, **settings) as made:
        yield made


def want(rig: Rig, topic_filter: str) -> None:
    """As a worker does it."""
    with rig.database() as database:
        database.execute(
            "INSERT INTO devices_sourcefilter (source, dialect, topic_filter, qos, keep, retained, big)"
            " VALUES ('home/tasmota', 'tasmota', ?, 1, 0, 'news', 0)",
            (topic_filter,),
        )


def counted(rig: Rig) -> int:
    """Deliveries that the gateway has sent on or has in its queue, of this connection."""
    with rig.database() as database:
        (row,) = database.execute("SELECT counters FROM mqtt_gateway_gatewayprocess").fetchall()
    return sum(json.loads(row[0])["entered"]["shards"].values())


def rejected(rig: Rig) -> dict[str, int]:
    """By reason."""
    with rig.database() as database:
        (row,) = database.execute("SELECT counters FROM mqtt_gateway_gatewayprocess").fetchall()
    found: dict[str, int] = json.loads(row[0])["rejected"]
    return found


async def test_a_message_that_two_filters_match_counts_once_and_what_sources_want_comes(rig: Rig) -> None:
    rig.work()
    await asyncio.to_thread(_retain, rig)
    await rig.start()
    want(rig, "tele/plug/STATE")  # tele/# of Tasmota's own matches it, too
    want(rig, "haus/wetter/tele/LWT")
    since = rig.gateway.position()
    await rig.order(FiltersChanged(0, "tasmota", "home/tasmota"))
    await asyncio.to_thread(rig.gateway.wait_for_line, "subscribed to what sources want", 10, since=since)
    retained = ["tasmota/discovery/A1B2C3D4E5F6/config", "haus/wetter/tele/LWT"]
    await eventually_async(lambda: [one.topic for one in rig.worker.deliveries] == retained)
    messages = [(topic, str(n)) for n in range(200) for topic in ("tele/plug/STATE", "devices/demo/d1/telemetry")]
    await rig.publish(messages)
    await rig.publish([("devices/online", "true")] * 50)  # devices/# and +/online; nobody's, as the first dialect says
    await rig.publish([("devices/demo/end/telemetry", "1")])
    await eventually_async(lambda: rig.payloads("demo/end"))
    by_topic = [one.payload for one in rig.worker.deliveries if one.topic == "tele/plug/STATE"]
    assert by_topic == [str(n).encode() for n in range(200)]
    assert len(rig.worker.deliveries) == 2 + 400 + 1
    await eventually_async(lambda: counted(rig) == len(rig.worker.deliveries))
    await eventually_async(lambda: rejected(rig) == {"odd_levels": 50})

    await rig.order(Refetch(0, "tasmota", "home/tasmota", ("haus/wetter/tele/LWT",)))
    await rig.order(Refetch(0, "tasmota", "home/tasmota", ("tasmota/discovery/#",)))
    await asyncio.to_thread(rig.gateway.wait_for_line, "what is retained comes again", 10)
    await rig.publish([("devices/demo/end/telemetry", "2")])
    await eventually_async(lambda: len(rig.payloads("demo/end")) == 2)
    again = [one.topic for one in rig.worker.deliveries if one.retain]
    assert again == [*retained, retained[0]], "of a filter that is new, nothing comes again within a minute"


def _retain(rig: Rig) -> None:
    with MqttClient(rig.mosquitto.port) as client:
        client.publish("haus/wetter/tele/LWT", b"Online", qos=1, retain=True)
        client.publish("tasmota/discovery/A1B2C3D4E5F6/config", b"{}", qos=1, retain=True)


async def test_a_description_of_eight_mebibytes_passes_whole_and_what_may_not_be_big_is_cut(rig: Rig) -> None:
    rig.work()
    await rig.start()
    whole = b"[" + b" " * (8 * 1024 * 1024 - 2) + b"]"
    await rig.publish([("zigbee2mqtt/bridge/devices", whole), ("devices/demo/d1/telemetry", whole)])
    await rig.publish([("zigbee2mqtt/end", "{}"), ("devices/demo/d1/event/end", "{}")])
    await eventually_async(lambda: {one.topic for one in rig.worker.deliveries} >= {"zigbee2mqtt/end", END})
    assert len(rig.worker.deliveries) == 4, "each once, though zigbee2mqtt/# matches both"
    sizes = {one.topic: len(one.payload) for one in rig.worker.deliveries}
    assert sizes["zigbee2mqtt/bridge/devices"] == len(whole)
    assert sizes["devices/demo/d1/telemetry"] == 256 * 1024 + 1


async def test_people_hear_what_else_is_on_the_broker_and_nothing_of_it_counts(rig: Rig) -> None:
    rig.work()
    await asyncio.to_thread(_retain, rig)
    await rig.start()
    await eventually_async(lambda: len(rig.worker.deliveries) == 1)
    number = _ask(rig, "haus/#")
    await rig.order(ListenAsked(number))
    await eventually_async(lambda: _heard(rig, number) == [("haus/wetter/tele/LWT", 1, b"Online", 1, "foreign_root")])
    await rig.publish([("haus/wetter/tele/LWT", "Offline"), ("devices/demo/d1/telemetry", "1")], qos=0)
    changed = ("haus/wetter/tele/LWT", 2, b"Offline", 0, "foreign_root")
    await eventually_async(lambda: _heard(rig, number) == [changed])
    await rig.applied(2)
    assert {one.topic for one in rig.worker.deliveries} == {
        "tasmota/discovery/A1B2C3D4E5F6/config",
        "devices/demo/d1/telemetry",
    }


def _ask(rig: Rig, topic_filter: str) -> int:
    now_ms = int(time.time() * 1000)
    with rig.database() as database:
        done = database.execute(
            "INSERT INTO devices_listening (topic_filter, asked_by, asked_ms, until_ms, gateway, status, reason,"
            " messages, more, limited) VALUES (?, 'user:x', ?, ?, '', 'waiting', '', 0, 0, 0)",
            (topic_filter, now_ms, now_ms + 60_000),
        )
        return int(done.lastrowid or 0)


def _heard(rig: Rig, number: int) -> list[Any]:
    with rig.database() as database:
        columns = "topic, count, payload, retained, reason"
        return database.execute(f"SELECT {columns} FROM devices_heard WHERE listening_id = {number}").fetchall()


async def test_mqtt_3_1_1_hears_all_once_and_counts_what_is_ours(
    mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    settings = {"DIALECTS": "native,shelly@home", "MQTT_VERSION": "3.1.1"}
    async with gateway_rig(mosquitto, redis, tmp_path, **settings) as rig:
        rig.work()
        await rig.start()
        for topic in ("devices/online", "nobody/listens/here", "devices/demo/d1/telemetry", END):
            await rig.publish([(topic, "1")] * 20)
        await eventually_async(lambda: rejected(rig) == {"odd_levels": 20})
        await eventually_async(lambda: len(rig.worker.deliveries) == 40)
        with rig.database() as database:
            (row,) = database.execute("SELECT filters FROM mqtt_gateway_brokersession").fetchall()
        assert [name for name in json.loads(row[0]) if not name.startswith(("$", "causeway/"))] == ["#"]
