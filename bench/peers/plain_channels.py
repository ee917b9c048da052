"""The plain Channels way as an installation: ``plain/`` on servers of its own, on either Redis layer."""

import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from websockets.sync.client import connect

from bench.installations.installation import Endpoint
from bench.peers.servers import started
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.servers.redis import redis_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually

REDIS_LAYER: Final = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER: Final = "channels_redis.pubsub.RedisPubSubChannelLayer"
_APPLICATION: Final = "bench.peers.plain.asgi:application"
_PROBE_TOPIC: Final = "devices/probe/probe/telemetry"
_READY_S: Final = 30


class PlainChannels:
    """MQTT loop, worker and Daphne; one of each, because each is all that may take its part.

    (A second worker on the pub/sub layer would get every message, too; on the other it can cause repeats.)

    Args:
        name: of the installation.
        layer: the channel layer's class.
    """

    mosquitto: Service
    redis: Service
    gateway: Process
    workers: list[Process]
    web: Process

    def __init__(self, name: str, layer: str) -> None:
        self.name = name
        self._layer = layer
        self._port = 0

    @contextmanager
    def running(self, directory: Path) -> Iterator[Self]:
        """Everything, ready and idle, until the context ends; logs go to ``directory``."""
        with ExitStack() as stack:
            self.mosquitto = started(mosquitto_service(), stack)
            self.redis = started(redis_service(), stack)
            self._port = free_port()
            self._create(directory)
            processes = [*self.workers, self.web, self.gateway]
            stack.callback(lambda: end_all(processes))
            for process in processes:
                process.start()
            self.wait_ready()
            yield self

    def _create(self, directory: Path) -> None:
        settings = {
            "CHANNEL_LAYER": self._layer,
            "DJANGO_SETTINGS_MODULE": "bench.peers.plain.settings",
            "MQTT_PORT": str(self.mosquitto.port),
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": secrets.token_urlsafe(48),
        }

        def process(name: str, arguments: Sequence[str]) -> Process:
            return Process(name, arguments, settings, directory / f"{name}.log")

        directory.mkdir(parents=True, exist_ok=True)
        daphne = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(self._port), _APPLICATION]
        self.web = process("web", [sys.executable, *daphne])
        self.workers = [process("worker", arguments) for arguments in self._workers()]
        self.gateway = process("gateway", self._gateway())

    def _gateway(self) -> list[str]:
        return [sys.executable, "-m", "bench.peers.plain.mqtt"]

    def _workers(self) -> list[list[str]]:
        return [[sys.executable, "-m", "django", "runworker", "devices"]]

    def wait_ready(self) -> None:
        """Wait until a message comes through."""
        for process in [*self.workers, self.web, self.gateway]:
            assert process.is_alive(), f"{process.name} has ended:\n{process.tail()}"
        with MqttClient(self.mosquitto.port) as client:
            eventually(lambda: self._passes(client), _READY_S, what=f"{self.name}: a message comes through")

    def _passes(self, client: MqttClient) -> bool:
        with connect(self.endpoint().url, open_timeout=5, proxy=None) as socket:
            client.publish(_PROBE_TOPIC, {"n": -1})
            return bool(socket.recv(timeout=1))

    @property
    def http_url(self) -> str:
        """Of Daphne, without a slash at the end; commands are ``POST``ed to ``/devices/SITE/DEVICE/commands``."""
        return f"http://127.0.0.1:{self._port}"

    def mqtt_port(self) -> int:
        """Of the broker."""
        return self.mosquitto.port

    def endpoint(self) -> Endpoint:
        """A WebSocket that is sent everything."""
        return Endpoint(f"ws://127.0.0.1:{self._port}/ws/", dialect="plain")

    def pids(self) -> dict[str, list[int]]:
        """Gateway: the MQTT loop."""
        return {
            "gateway": [self.gateway.pid],
            "workers": [worker.pid for worker in self.workers],
            "web": [self.web.pid],
            "mosquitto": [self.mosquitto.pid],
            "redis": [self.redis.pid],
        }
