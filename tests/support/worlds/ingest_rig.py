"""``run_devices`` as real processes on real Redis and PostgreSQL; the gateway is the test itself."""

import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
from channels_redis.pubsub import RedisPubSubChannelLayer

from runtime.channel_layers.redis import ChannelLayer
from tests.support.servers.databases import SHARDS
from tests.support.servers.postgres import PostgresService
from tests.support.servers.processes import Process, manage
from tests.support.servers.service import Service
from tests.support.worlds.deliveries import delivery
from tests.support.worlds.ingest_gateway import Gateway

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

    def owners(self) -> dict[int, int]:
        """The process of each shard that has one: shard → pid."""
        rows = self.query("SELECT shard, owner FROM devices_shardstate WHERE owner <> '' ORDER BY shard")
        return {shard: int(owner.split(":")[1]) for shard, owner in rows}

    def shares(self) -> dict[int, int]:
        """How many shards each process has: pid → number."""
        return dict(Counter(self.owners().values()))

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
        channels = ChannelLayer(hosts=hosts, capacity=2_000)
        groups = RedisPubSubChannelLayer(hosts=hosts, prefix="causeway-0")  # of database 0 (config.settings)
        async with Gateway(channels, groups).running() as gateway:
            yield gateway
        await channels.close_pools()
        await groups.flush()


def burst(count: int, first: int = 0) -> list[Any]:
    numbers = range(first, first + count)
    return [delivery(KEYS[number % len(KEYS)], "telemetry", {"n": number}) for number in numbers]


def each_once_in_order(count: int) -> dict[str, list[int]]:
    return {key: list(range(first, count, len(KEYS))) for first, key in enumerate(KEYS)}
