"""Two gateway processes with one client id: one works, the other stands by, whatever happens to the one that works."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.gateway_rig import GATEWAY, STATUS_TOPIC, Rig, gateway_rig, numbered
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.postgres import PostgresService
from tests.support.servers.processes import Process, manage
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

TAKEN_OVER = "taking over"
TAKEOVER_S = 5  # by the lease
HANDOVER_S = 1.5  # by one that ends in order
STANDING_BY = "standing by: another gateway has the name"


@pytest.fixture
async def rig(mosquitto: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig whose gateway works already."""
    async with gateway_rig(mosquitto, redis, tmp_path) as made:
        made.work()
        await made.start()
        yield made


@asynccontextmanager
async def another(rig: Rig, name: str = "standby", **settings: str) -> AsyncIterator[Process]:
    """One more gateway process, started."""
    log = rig.gateway.log_path.parent / f"{name}.log"
    process = Process(name, manage("run_gateway"), {**rig.settings, **settings}, log)
    process.start()
    try:
        yield process
    finally:
        await asyncio.to_thread(process.kill)


@asynccontextmanager
async def standby(rig: Rig, **settings: str) -> AsyncIterator[Process]:
    """One that stands by."""
    async with another(rig, **settings) as process:
        await asyncio.to_thread(process.wait_for_line, STANDING_BY)
        yield process


async def line(process: Process, pattern: str, timeout_s: float = 20, since: int = 0) -> float:
    """Wait for a log line; the seconds that it took."""
    began_s = time.monotonic()
    await asyncio.to_thread(process.wait_for_line, pattern, timeout_s, since=since)
    return time.monotonic() - began_s


def new_payloads(rig: Rig) -> list[bytes]:
    """What was applied, without what the broker delivers again (with DUP) for want of the dead gateway's PUBACK."""
    new: list[bytes] = []
    for one in rig.worker.deliveries:
        if not (one.dup and one.payload in new):
            new.append(one.payload)
    return new


async def arrives(rig: Rig, start: int) -> None:
    """Ten messages more, each once and in order."""
    await rig.publish(numbered(10, devices=1, start=start))
    await all_have_come(rig, start + 10)


async def all_have_come(rig: Rig, count: int) -> None:
    """So many, each once and in order."""
    await eventually_async(lambda: len(new_payloads(rig)) >= count, 20, what=f"{count} have come")
    assert new_payloads(rig) == [b"%d" % n for n in range(count)]


async def test_a_standby_disturbs_nothing_and_is_well(rig: Rig, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    async with standby(rig, HEARTBEAT_FILE=str(heartbeat)) as second:
        await arrives(rig, 0)
        first = heartbeat.stat().st_mtime_ns
        await eventually_async(lambda: heartbeat.stat().st_mtime_ns > first)
        await arrives(rig, 10)
        assert rig.gateway.count_lines("broker link") == 1
        assert second.count_lines("broker link") == 0
        assert await asyncio.to_thread(second.terminate) == 0


async def hands_over(rig: Rig, second: Process, end: Callable[[Process], object]) -> float:
    """End the one that works, which comes back; the seconds until the other has a link to the broker."""
    await arrives(rig, 0)
    ending = asyncio.create_task(asyncio.to_thread(end, rig.gateway))
    took_s = await line(second, "broker link up")
    await ending
    await arrives(rig, 10)
    assert second.count_lines(TAKEN_OVER) == 1
    since = rig.gateway.position()
    rig.gateway.start()
    await line(rig.gateway, STANDING_BY, since=since)
    return took_s


async def test_after_a_sigkill_the_standby_works_within_five_seconds(rig: Rig) -> None:
    async with standby(rig) as second:
        assert await hands_over(rig, second, Process.kill) < TAKEOVER_S


async def test_told_to_stop_it_hands_over_at_once(rig: Rig) -> None:
    def stop(process: Process) -> None:
        assert process.terminate() == 0

    async with standby(rig) as second:
        assert await hands_over(rig, second, stop) < HANDOVER_S


async def test_one_that_stalls_wakes_up_and_stands_by(rig: Rig) -> None:
    async with standby(rig) as second:
        await arrives(rig, 0)
        rig.gateway.send_signal(signal.SIGSTOP)
        assert await line(second, "broker link up") < TAKEOVER_S
        await arrives(rig, 10)
        rig.gateway.send_signal(signal.SIGCONT)
        await line(rig.gateway, STANDING_BY)
        await arrives(rig, 20)
        assert second.count_lines("broker link") == 1, "it was not thrown off"
        assert rig.gateway.count_lines("broker link up") == 1
        await asyncio.to_thread(second.kill)
        since = rig.gateway.position()
        assert await line(rig.gateway, "broker link up", since=since) < TAKEOVER_S
        await arrives(rig, 30)


async def test_who_knows_the_broker_sees_it_online_throughout(rig: Rig) -> None:
    async with standby(rig) as second:
        rig.gateway.send_signal(signal.SIGSTOP)
        await line(second, "broker link up")
        rig.gateway.send_signal(signal.SIGCONT)
        await line(rig.gateway, STANDING_BY)
        assert await asyncio.to_thread(_status, rig) == b"online"


def _status(rig: Rig) -> bytes:
    with MqttClient(rig.mosquitto.port) as client:
        client.subscribe(STATUS_TOPIC)
        return client.expect(STATUS_TOPIC).payload


async def test_while_the_database_is_away_nobody_changes(
    mosquitto: Service, redis: Service, postgres: PostgresService, tmp_path: Path
) -> None:
    async with gateway_rig(mosquitto, redis, tmp_path, DATABASE_URL=postgres.create_database()) as rig:
        rig.work()
        await rig.start()
        async with standby(rig) as second:
            await asyncio.to_thread(postgres.stop)
            try:
                await line(second, "database down")
                await line(rig.gateway, "database down")
                await arrives(rig, 0)
            finally:
                await asyncio.to_thread(postgres.start)
            await line(second, "database up again")
            await line(rig.gateway, "database up again")
            await arrives(rig, 10)
            assert rig.gateway.count_lines("broker link") == 1
            assert second.count_lines("broker link|taking over") == 0


# ---- other client ids


async def test_a_gateway_with_overlapping_filters_is_refused_while_the_other_runs(rig: Rig) -> None:
    async with another(
        rig, GATEWAY_NAME="second", MQTT_CLIENT_ID="second", GATEWAY_TOPIC_FILTERS="devices/a/#"
    ) as second:
        await eventually_async(lambda: second.returncode is not None, 20)
        assert second.returncode == 1
        last = second.log().strip().splitlines()[-1]
        assert last.startswith("CommandError: GATEWAY_TOPIC_FILTERS: 'devices/a/#' overlaps with 'devices/#'")
        assert f"gateway '{GATEWAY}'" in last


async def test_a_session_left_behind_is_an_incident(rig: Rig) -> None:
    await asyncio.to_thread(rig.gateway.terminate)
    async with another(
        rig, GATEWAY_NAME="second", MQTT_CLIENT_ID="second", GATEWAY_TOPIC_FILTERS="devices/a/#"
    ) as second:
        await line(second, "broker link up")
        await eventually_async(lambda: _incidents(rig) == [("filters_overlap", "second")])


def _incidents(rig: Rig) -> list[tuple[str, str]]:
    with rig.database() as database:
        return database.execute("SELECT kind, gateway FROM mqtt_gateway_incident").fetchall()


async def test_two_gateways_share_the_topics(rig: Rig) -> None:
    await asyncio.to_thread(rig.gateway.terminate)
    rig.gateway.settings["GATEWAY_TOPIC_FILTERS"] = "devices/a/#"
    await rig.start()
    async with another(
        rig, GATEWAY_NAME="second", MQTT_CLIENT_ID="second", GATEWAY_TOPIC_FILTERS="devices/b/#"
    ) as second:
        await line(second, "broker link up")
        await rig.publish([("devices/a/d/telemetry", "1"), ("devices/b/d/telemetry", "2")])
        await rig.applied(2)
        assert {(batch.gateway, one.source) for batch in rig.worker.batches for one in batch.deliveries} == {
            (GATEWAY, "a/d"),
            ("second", "b/d"),
        }
