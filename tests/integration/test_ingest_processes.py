"""``run_devices`` as real processes on real Redis and PostgreSQL; the gateway is the test itself."""

import asyncio
import re
import signal

import psycopg
import pytest

from runtime.channel_layers.redis import ChannelLayer
from tests.support.servers.databases import SHARDS
from tests.support.servers.processes import Process, manage, run_command
from tests.support.thorough import thorough
from tests.support.waiting import eventually, eventually_async
from tests.support.worlds.deliveries import delivery
from tests.support.worlds.ingest_gateway import Gateway
from tests.support.worlds.ingest_rig import Rig, burst, each_once_in_order

RECOVERY_S = 15
STOP_S = 10


# ---- the way of a message


async def test_a_batch_ends_in_the_database_and_in_a_broadcast(rig: Rig) -> None:
    rig.started()
    async with rig.gateway() as gateway:
        gateway.deliver([delivery("demo/a", "telemetry", {"n": 1})])
        await gateway.all_committed()
        await eventually_async(lambda: gateway.seen)
    assert gateway.seen[0]["readings"][0]["metrics"] == {"n": 1}
    assert rig.numbers() == {"demo/a": [1]}


async def test_plain_runworker_serves_its_channels(rig: Rig) -> None:
    rig.process(*(f"devices.{shard}" for shard in range(SHARDS)), command="runworker")
    async with rig.gateway() as gateway:
        gateway.deliver(burst(200))
        await gateway.all_committed()
    assert rig.numbers() == each_once_in_order(200)


async def test_workers_share_the_shards_as_told(rig: Rig) -> None:
    first, second = rig.started("--shards", "0-1"), rig.started("--shards", "2,3")
    async with rig.gateway() as gateway:
        gateway.deliver(burst(400))
        await gateway.all_committed()
    assert rig.numbers() == each_once_in_order(400)
    assert rig.owners() == {0: first.pid, 1: first.pid, 2: second.pid, 3: second.pid}


# ---- faults


async def test_a_killed_worker_loses_and_doubles_nothing(rig: Rig) -> None:
    worker = rig.started()
    async with rig.gateway() as gateway:
        gateway.deliver(burst(6_000))
        for left in (5_000, 3_000):
            await gateway.at_most_in_flight(left)
            worker.kill()
            worker.start()
        await gateway.all_committed(60)
    assert rig.numbers() == each_once_in_order(6_000)
    counted = rig.query("SELECT outcome, reason, sum(count) FROM devices_ledgercount GROUP BY 1, 2 ORDER BY 1")
    assert counted == [("applied", "", 6_000), ("received", "", 6_000)]


async def test_a_redis_that_comes_back_empty_stops_nothing_for_long(rig: Rig) -> None:
    worker = rig.started()
    async with rig.gateway() as gateway:
        gateway.deliver(burst(2_000))
        await gateway.at_most_in_flight(1_500)
        rig.redis.kill()
        await asyncio.to_thread(worker.wait_for_line, "channel layer down")
        rig.redis.start()
        gateway.deliver(burst(1_000, first=2_000))
        await gateway.all_committed(RECOVERY_S)
        await asyncio.to_thread(worker.wait_for_line, "channel layer up again")
        sent = await _until_broadcasts_arrive(gateway, first=3_000)
    assert rig.numbers() == each_once_in_order(sent)
    assert set(said(worker)) == {"channel layer down", "channel layer up again"}
    assert one_outage(worker, "channel layer")


async def _until_broadcasts_arrive(gateway: Gateway, first: int) -> int:
    """Deliver on until a broadcast is heard (the listener needs a moment, too); the number after the last one."""
    told = len(gateway.commits)

    async def deliver_more() -> bool:
        nonlocal first
        gateway.deliver(burst(20, first))
        first += 20
        await gateway.all_committed()
        return len(gateway.commits) > told

    await eventually_async(deliver_more, RECOVERY_S, what="broadcasts arrive again", pause_s=0.2)
    return first


@pytest.mark.parametrize("how", ["kill", *thorough("stop")])
async def test_a_restarted_postgres_stops_nothing_for_long(rig: Rig, how: str) -> None:
    worker = rig.started()
    async with rig.gateway() as gateway:
        gateway.deliver(burst(2_000))
        await gateway.at_most_in_flight(1_500)
        await asyncio.to_thread(getattr(rig.postgres, how))
        await asyncio.to_thread(worker.wait_for_line, "database down")
        await asyncio.to_thread(rig.postgres.start)
        gateway.deliver(burst(1_000, first=2_000))
        await gateway.all_committed(RECOVERY_S)
        await asyncio.to_thread(worker.wait_for_line, "database up again")
    assert rig.numbers() == each_once_in_order(3_000)
    assert set(said(worker)) == {"database down", "database up again"}
    assert one_outage(worker, "database")


async def test_a_worker_waits_for_services_that_are_not_there_yet(rig: Rig) -> None:
    rig.redis.stop()
    rig.postgres.stop()
    worker = rig.process()
    await asyncio.to_thread(worker.wait_for_line, "database down", 60)
    await asyncio.to_thread(rig.postgres.start)
    await asyncio.to_thread(worker.wait_for_line, "device workers started", RECOVERY_S)
    await asyncio.to_thread(rig.redis.start)
    async with rig.gateway() as gateway:
        gateway.deliver(burst(100))
        await gateway.all_committed(RECOVERY_S)
    assert rig.numbers() == each_once_in_order(100)


def one_outage(worker: Process, of: str) -> bool:
    """Whether it was told once at each end, and in between only when the reason changed."""
    *down, up = worker.outages(of)
    return set(down) == {"down"} and up == "up"


def said(worker: Process) -> list[str]:
    """What the worker said at level warning and above, each event without its details."""
    lines = re.findall(r"\[(?:warning|error|critical) *\] (.*?)  +", worker.log())
    assert "Traceback" not in worker.log()
    return lines


# ---- beginning and end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_and_gives_its_shards_up(rig: Rig, number: signal.Signals) -> None:
    worker = rig.started()
    async with rig.gateway() as gateway:
        gateway.deliver(burst(4_000))
        await gateway.at_most_in_flight(3_500)
        worker.send_signal(number)
        await eventually_async(lambda: worker.returncode is not None, STOP_S)
        assert worker.returncode == 0, worker.tail()
        assert set(rig.query("SELECT owner, beat_ms FROM devices_shardstate")) == {("", 0)}
        rig.started()
        await gateway.all_committed()
    assert rig.numbers() == each_once_in_order(4_000)


async def test_it_stops_while_nothing_answers(rig: Rig) -> None:
    worker = rig.started()
    rig.redis.stop()
    rig.postgres.stop()
    await asyncio.to_thread(worker.wait_for_line, "database down")
    assert worker.terminate() == 0


def test_it_stops_while_the_database_hangs(rig: Rig) -> None:
    worker = rig.started()
    with psycopg.connect(rig.database) as connection:
        connection.execute("LOCK TABLE devices_shardstate")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: rig.query(waiting) == [(1,)], 10, what="the worker's beat waits for us")
        assert worker.terminate(STOP_S) == 0


def test_bad_settings_are_refused_in_a_line(rig: Rig) -> None:
    done = run_command(manage("run_devices", "--shards", "0-9"), rig.settings, check=False)
    assert done.returncode == 1
    line = "CommandError: --shards: there is no shard 9: BRIDGE_SHARDS is 4, so they are 0-3"
    assert done.stderr.splitlines()[-1] == line
    assert "Traceback" not in done.stderr


def test_it_explains_itself(rig: Rig) -> None:
    assert "--shards" in run_command(manage("run_devices", "--help"), rig.settings).stdout


# ---- apps' consumers


@pytest.mark.parametrize("command", ["run_devices", "runworker"])
async def test_apps_consumers_run_beside_the_shards_or_by_themselves(rig: Rig, command: str) -> None:
    rig.settings["CAUSEWAY_APPS"] = "tests.apps.plants"
    run_command(manage("provision_device", "demo/fern"), rig.settings)
    rig.started() if command == "run_devices" else rig.process("plants-watering", command=command)
    layer = ChannelLayer(hosts=[rig.redis.url])
    await layer.send("plants-watering", {"type": "water", "device": "demo/fern"})
    await eventually_async(lambda: rig.query("SELECT name FROM devices_command") == [("water",)], 30)
    await layer.close_pools()
