"""Another client with the gateway's client id: nothing goes missing unsaid. On a real broker, MQTT 5 and 3.1.1."""

import asyncio
import contextlib
import functools
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.integration.gateway_rig import CLIENT_ID, MARKER_TOPIC, Rig, gateway_rig, numbered
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.databases import postgres_copy
from tests.support.servers.service import Service
from tests.support.thorough import thorough
from tests.support.waiting import eventually_async

VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
ALL = {b"%d" % number for number in range(450)}


@pytest.fixture(params=["5", *thorough("3.1.1")])
async def rig(
    mosquitto: Service, redis: Service, templates: dict[str, str], tmp_path: Path, request: Any
) -> AsyncIterator[Rig]:
    """A gateway that has seen its markers come back: of MQTT 5 with SQLite, of 3.1.1 with PostgreSQL."""
    with contextlib.ExitStack() as stack:
        settings = {"MQTT_VERSION": request.param}
        if request.param == "3.1.1":
            copy = postgres_copy(request.getfixturevalue("postgres"), templates)
            settings["DATABASE_URL"] = await asyncio.to_thread(stack.enter_context, copy)
        async with gateway_rig(mosquitto, redis, tmp_path, **settings) as made:
            made.work()
            await made.start()
            await eventually_async(lambda: drained_ms(made) and canary(made), what="a marker is held and stored")
            yield made
            assert CLIENT_ID not in made.gateway.log(), "no log line shows it"


def query(rig: Rig, statement: str) -> list[tuple[Any, ...]]:
    """Read the database."""
    if rig.settings["DATABASE_URL"].startswith("postgres"):
        with psycopg.connect(rig.settings["DATABASE_URL"], connect_timeout=10) as connection:
            return connection.execute(statement.encode()).fetchall()
    with rig.database() as database:
        return database.execute(statement).fetchall()


def drained_ms(rig: Rig) -> int:
    """As the gateway last wrote it."""
    return int(query(rig, "SELECT drained_ms FROM mqtt_gateway_gatewayprocess")[0][0])


def later_than(rig: Rig, ms: int) -> bool:
    """Whether all that the broker had then is committed."""
    return drained_ms(rig) > ms


def canary(rig: Rig) -> int:
    """How many markers are stored as not confirmed."""
    counters = query(rig, "SELECT counters FROM mqtt_gateway_gatewayprocess")[0][0]
    return len((json.loads(counters) if isinstance(counters, str) else counters).get("canary", ()))


def incidents(rig: Rig) -> list[tuple[Any, ...]]:
    """Kind, since."""
    return query(rig, "SELECT kind, since_ms FROM mqtt_gateway_incident ORDER BY since_ms")


def thief(rig: Rig, *, clean: bool = False) -> MqttClient:
    """A client with the gateway's id, until the gateway is back. It confirms whatever it is sent."""
    version = VERSIONS[rig.settings["MQTT_VERSION"]]
    return MqttClient(
        rig.mosquitto.port,
        client_id=CLIENT_ID,
        version=version,
        clean=clean,
        session_expiry_s=3600,
        comes_back=False,
    )


async def lost_or_said(rig: Rig, well_ms: int) -> None:
    """All 450 were applied once, or an incident names a time from which on those that lack may be missing."""
    await eventually_async(lambda: incidents(rig), 40, what="the incident is stored")
    kinds = {kind for kind, _ in incidents(rig)}
    assert kinds <= {"session_taken", "session_lost"}
    assert min(since_ms for _, since_ms in incidents(rig)) <= well_ms, "it names the time, or an earlier one"


@pytest.mark.parametrize("clean", [False, True])
async def test_case_e1_a_thief_while_the_gateway_is_away(rig: Rig, clean: bool) -> None:
    await asyncio.to_thread(rig.gateway.terminate)
    well_ms = drained_ms(rig)
    await rig.publish(numbered(360))
    stolen = await asyncio.to_thread(thief, rig, clean=clean)
    if not clean:
        await asyncio.to_thread(lambda: [stolen.expect("devices/#") for _ in range(360)])
    await asyncio.to_thread(stolen.close)
    await rig.publish(numbered(90, start=360))
    await rig.start()
    await lost_or_said(rig, well_ms)
    assert len(rig.payloads()) == len(set(rig.payloads())) < len(ALL)


async def test_case_e1_a_thief_while_the_gateway_is_connected(rig: Rig) -> None:
    well_ms = drained_ms(rig)
    since = rig.gateway.position()
    stolen = await asyncio.to_thread(thief, rig)
    await rig.publish(numbered(450))
    await rig.up(since=since)
    await lost_or_said(rig, max(well_ms, drained_ms(rig)))
    stolen.break_off()


@pytest.mark.parametrize("rig", list(VERSIONS), indirect=True)
async def test_case_e1_a_thief_that_resumes_the_session_and_leaves(rig: Rig) -> None:
    since, well_ms = rig.gateway.position(), drained_ms(rig)
    await rig.publish(numbered(150))
    await rig.applied(150)
    rig.gateway.send_signal(signal.SIGSTOP)  # on a slow machine it would be back before the thief has got anything
    try:
        stolen = await asyncio.to_thread(thief, rig)
        await rig.publish(numbered(150, start=150))
        await asyncio.to_thread(lambda: [stolen.expect("devices/#") for _ in range(150)])
        await asyncio.to_thread(stolen.close)
    finally:
        rig.gateway.send_signal(signal.SIGCONT)
    await rig.up(since=since)
    await rig.publish(numbered(150, start=300))
    await eventually_async(lambda: ALL - set(rig.payloads()) <= {b"%d" % n for n in range(150, 300)}, 30)
    assert len(rig.payloads()) == len(set(rig.payloads()))
    await lost_or_said(rig, max(well_ms, drained_ms(rig)))


async def test_case_e1_nobody_there_and_nothing_is_said(rig: Rig) -> None:
    for stop in (rig.gateway.terminate, rig.gateway.kill):
        await asyncio.to_thread(stop)
        await rig.publish(numbered(10))
        well_ms, since = drained_ms(rig), rig.gateway.position()
        await rig.start()
        await eventually_async(functools.partial(later_than, rig, well_ms), 20, what="a marker of the new connection")
        assert since < rig.gateway.position()
    await asyncio.to_thread(rig.mosquitto.stop)
    await asyncio.to_thread(rig.mosquitto.start)
    well_ms = drained_ms(rig)
    await eventually_async(functools.partial(later_than, rig, well_ms), 30, what="a marker after the broker's restart")
    assert incidents(rig) == []


async def test_case_e2_another_gateway_of_this_name_is_told(rig: Rig) -> None:
    with MqttClient(rig.mosquitto.port) as stranger:
        await asyncio.to_thread(stranger.publish, MARKER_TOPIC, b"another connection 1")
    await eventually_async(lambda: [kind for kind, _ in incidents(rig)] == ["name_taken"], what="the incident")
