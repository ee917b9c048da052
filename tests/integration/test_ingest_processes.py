"""``run_devices`` as real processes on real Redis and PostgreSQL; the gateway is the test itself."""

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from tests.support.databases import SHARDS, postgres_copy
from tests.support.ingest import delivery
from tests.support.ingest_gateway import Gateway
from tests.support.postgres import PostgresService
from tests.support.processes import Process, end_all, manage, run_command
from tests.support.service import Service
from tests.support.waiting import eventually, eventually_async

RECOVERY_S = 15
KEYS = [f"demo/d{number}" for number in range(20)]


class Rig:
    """Services, settings, processes."""

    def __init__(self, redis: Service, postgres: PostgresService, database: str, directory: Path) -> None:
        self.redis, self.postgres, self.database, self._directory = redis, postgres, database, directory
        self.settings = {
            "DATABASE_URL": database,
            "REDIS_URL": redis.url,
            "SECRET_KEY": "only-for-tests" * 4,
            "BRIDGE_SHARDS": str(SHARDS),
        }
        self.processes: list[Process] = []

    def process(self, *arguments: str, command: str = "run_devices") -> Process:
        name = f"{command}-{len(self.processes)}"
        process = Process(name, manage(command, *arguments), self.settings, self._directory / f"{name}.log")
        self.processes.append(process)
        return process.start()

    def started(self, *arguments: str) -> Process:
        process = self.process(*arguments)
        process.wait_for_line("device workers started", 60)
        return process

    def query(self, statement: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, connect_timeout=3) as connection:
            return connection.execute(statement).fetchall()

    def numbers(self) -> dict[str, list[int]]:
        """The stored values of the metric ``n`` by device, in rev order."""
        out: dict[str, list[int]] = {}
        for key, metrics in self.query(
            "SELECT key, metrics FROM devices_reading JOIN devices_device d ON d.id = device_id ORDER BY device_id, rev"
        ):
            out.setdefault(key, []).append(json.loads(metrics)["n"])
        return out

    @contextlib.asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        hosts = [self.redis.url]
        channels = RedisChannelLayer(hosts=hosts, capacity=2_000)
        groups = RedisPubSubChannelLayer(hosts=hosts, prefix="causeway-0")  # of database 0 (config.settings)
        async with Gateway(channels, groups).running() as gateway:
            yield gateway
        await channels.close_pools()
        await groups.flush()


@pytest.fixture
def rig(redis: Service, postgres: PostgresService, templates: dict[str, str], tmp_path: Path) -> Iterator[Rig]:
    with postgres_copy(postgres, templates) as database:
        rig = Rig(redis, postgres, database, tmp_path)
        try:
            yield rig
        finally:
            end_all(rig.processes)
            postgres.start()  # to remove the database


def burst(count: int, first: int = 0) -> list[Any]:
    numbers = range(first, first + count)
    return [delivery(KEYS[number % len(KEYS)], "telemetry", {"n": number}) for number in numbers]


def each_once_in_order(count: int) -> dict[str, list[int]]:
    return {key: list(range(first, count, len(KEYS))) for first, key in enumerate(KEYS)}


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
    owners = dict(rig.query("SELECT shard, owner FROM devices_shardstate"))
    pids = {shard: int(owner.split(":")[1]) for shard, owner in owners.items()}
    assert pids == {0: first.pid, 1: first.pid, 2: second.pid, 3: second.pid}


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
    assert rig.query("SELECT outcome, reason, sum(count) FROM devices_ledgercount GROUP BY 1, 2") == [
        ("applied", "", 6_000)
    ]


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
    assert said(worker) == ["channel layer down", "channel layer up again"]


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


@pytest.mark.parametrize("how", ["stop", "kill"])
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
    assert rig.numbers() == each_once_in_order(3_000)
    assert said(worker) == ["database down", "database up again"]


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
        await eventually_async(lambda: worker.returncode is not None, 10)
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
        assert worker.terminate() == 0


def test_who_loses_a_shard_says_so_in_a_line_and_ends(rig: Rig) -> None:
    former = rig.started()
    position = former.position()
    rig.started("--shards", "1")
    eventually(lambda: former.returncode is not None, 10)
    assert former.returncode == 1
    (line,) = [line for line in former.log()[position:].splitlines() if "info" not in line]
    assert line == "CommandError: shard 1: another worker has taken it"
    assert rig.query("SELECT owner FROM devices_shardstate WHERE shard = 0") == [("",)]


def test_bad_settings_are_refused_in_a_line(rig: Rig) -> None:
    done = run_command(manage("run_devices", "--shards", "0-9"), rig.settings, check=False)
    assert done.returncode == 1
    line = "CommandError: --shards: there is no shard 9: BRIDGE_SHARDS is 4, so they are 0-3"
    assert done.stderr.splitlines()[-1] == line
    assert "Traceback" not in done.stderr


def test_it_explains_itself(rig: Rig) -> None:
    assert "--shards" in run_command(manage("run_devices", "--help"), rig.settings).stdout
