"""A real gateway process on a real broker and Redis; the worker is a stand-in in the test's own process."""

import asyncio
import atexit
import contextlib
import functools
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bridge import wire
from bridge.names import gateway_channel
from mqtt_gateway.fakes import FakeWorker
from runtime.channel_layers.redis import ChannelLayer
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.processes import Process, manage, run_command
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

SHARDS = 4
CLIENT_ID = "a-secret"
GATEWAY = "gw"
STATUS_TOPIC = f"causeway/gateway/{GATEWAY}/status"
MARKER_TOPIC = f"causeway/gateway/{GATEWAY}/marker"


@dataclass
class Rig:
    """The parts. ``worker`` applies and acknowledges whatever reaches ``devices.<shard>``."""

    mosquitto: Service
    redis: Service
    settings: dict[str, str]
    gateway: Process
    layer: ChannelLayer
    worker: FakeWorker = field(init=False)
    _working: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.worker = FakeWorker(self.layer, SHARDS)

    def work(self) -> None:
        """Let the worker begin."""
        self._working = asyncio.ensure_future(self.worker.run())

    async def rest(self) -> None:
        """End the worker as a kill would: with what it has not taken left on its channels."""
        if self._working:
            self._working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._working

    async def up(self, *, since: int = 0) -> None:
        """Wait until the gateway's link to the broker is up."""
        await asyncio.to_thread(self.gateway.wait_for_line, "broker link up", 30, since=since)

    async def start(self) -> None:
        """Start the gateway and wait for its link."""
        since = self.gateway.position()
        self.gateway.start()
        await self.up(since=since)

    async def publish(self, messages: Iterable[tuple[str, object]], qos: int = 1) -> None:
        """Publish in a burst and wait for all the broker's confirmations."""
        await asyncio.to_thread(self._publish, list(messages), qos)

    def _publish(self, messages: list[tuple[str, object]], qos: int) -> None:
        with MqttClient(self.mosquitto.port) as client:
            client.publish_all(messages, qos)

    async def order(self, message: wire.Message) -> None:
        """Put a downlink message on the gateway's channel."""
        await self.layer.send(gateway_channel(GATEWAY), wire.pack(message))

    def payloads(self, device: str = "") -> list[bytes]:
        """What was applied, in order; of all devices or one."""
        return [one.payload for one in self.worker.deliveries if one.source == device or not device]

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """Its SQLite file; closed at once, as a collector that is slowed down would leave hundreds open."""
        path = self.settings["DATABASE_URL"].removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            yield connection

    async def applied(self, count: int, timeout_s: float = 20) -> None:
        """Wait until so many deliveries were applied."""
        await eventually_async(lambda: len(self.worker.deliveries) >= count, timeout_s, what=f"{count} are applied")


@contextlib.asynccontextmanager
async def gateway_rig(mosquitto: Service, redis: Service, directory: Path, **settings: str) -> AsyncIterator[Rig]:
    """A rig with a migrated SQLite database (unless ``DATABASE_URL`` is given); nothing is started yet."""
    complete = {
        "BRIDGE_SHARDS": str(SHARDS),
        "DATABASE_URL": f"sqlite:///{directory}/gateway.sqlite3",
        "DEBUG": "true",
        "GATEWAY_NAME": GATEWAY,
        "MQTT_CLIENT_ID": CLIENT_ID,
        "MQTT_URL": mosquitto.url,
        "REDIS_URL": redis.url,
        **settings,
    }
    await asyncio.to_thread(_make_tables, complete, directory)
    gateway = Process("gateway", manage("run_gateway"), complete, directory / "gateway.log")
    layer = ChannelLayer(hosts=[redis.url], capacity=2_000)
    rig = Rig(mosquitto, redis, complete, gateway, layer)
    try:
        yield rig
    finally:
        await asyncio.to_thread(gateway.kill)
        await rig.rest()
        await layer.close_pools()


def _make_tables(settings: dict[str, str], directory: Path) -> None:
    if settings["DATABASE_URL"].startswith("sqlite"):
        shutil.copy(_migrated_sqlite(), directory / "gateway.sqlite3")
    else:
        run_command(manage("migrate", "--verbosity", "0"), settings)


@functools.cache
def _migrated_sqlite() -> Path:
    """A database with all tables, made once a run."""
    directory = Path(tempfile.mkdtemp(prefix="causeway-template-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = directory / "template.sqlite3"
    url = {"DATABASE_URL": f"sqlite:///{file}", "DEBUG": "true", "BRIDGE_SHARDS": str(SHARDS)}
    run_command(manage("migrate", "--verbosity", "0"), url)
    return file


def numbered(count: int, devices: int = 7, start: int = 0) -> list[tuple[str, object]]:
    """Telemetry payloads 0, 1, 2, … spread over so many devices."""
    return [(f"devices/demo/d{n % devices}/telemetry", b"%d" % n) for n in range(start, start + count)]
