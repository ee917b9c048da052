"""The plain Channels way as an installation: ``plain/`` on servers of its own, on either Redis layer."""

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from websockets.sync.client import connect

from bench.installations.installation import Installation, started
from bench.protocol.dialects import Endpoint
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.servers.redis import redis_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually

REDIS_LAYER: Final = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER: Final = "channels_redis.pubsub.RedisPubSubChannelLayer"
WORKERS: Final = ((sys.executable, "-m", "django", "runworker", "devices"),)
_APPLICATION: Final = "bench.peers.plain.app:application"
_READY_S: Final = 30


def mqtt_loop(mqtt_port: int) -> list[str]:  # noqa: ARG001  it is in its environment
    """The command line of the plain way's gateway."""
    return [sys.executable, "-m", "bench.peers.plain.mqtt"]


def _daphne(port: int) -> list[str]:
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), _APPLICATION]


def _settings(layer: str, mosquitto: Service, redis: Service) -> dict[str, str]:
    return {
        "CHANNEL_LAYER": layer,
        "DJANGO_SETTINGS_MODULE": "bench.peers.plain.settings",
        "MQTT_PORT": str(mosquitto.port),
        "REDIS_URL": redis.url,
        "SECRET_KEY": secrets.token_urlsafe(48),
    }


def _processes(
    role: str, commands: Sequence[Sequence[str]], settings: dict[str, str], directory: Path
) -> list[Process]:
    """Those of a role, not started yet."""
    name = role.removesuffix("s")
    return [Process(name, command, settings, directory / f"{name}.log") for command in commands]


def _start(processes: Sequence[Process], stack: ExitStack) -> None:
    """Start them; they end with the context."""
    stack.callback(end_all, processes)
    for one in processes:
        one.start()


@contextmanager
def plain_channels(
    directory: Path,
    *,
    name: str,
    layer: str,
    gateway: Callable[[int], list[str]] = mqtt_loop,
    workers: Sequence[Sequence[str]] = WORKERS,
) -> Iterator[Installation]:
    """MQTT loop, worker and Daphne, ready and idle; one of each, because each is all that may take its part.

    (A second worker on the pub/sub layer would get every message, too; on the other it can cause repeats.)

    Args:
        directory: for logs.
        name: of the installation.
        layer: the channel layer's class.
        gateway: from the broker's port to the command line of what speaks with it.
        workers: command lines.
    """
    with ExitStack() as stack:
        mosquitto, redis = started(mosquitto_service(), stack), started(redis_service(), stack)
        port, settings = free_port(), _settings(layer, mosquitto, redis)
        commands = {"gateway": [gateway(mosquitto.port)], "workers": workers, "web": [_daphne(port)]}
        ours = {role: _processes(role, commands[role], settings, directory) for role in commands}
        _start([*ours["workers"], *ours["web"], *ours["gateway"]], stack)
        installation = Installation(
            name=name,
            mqtt_port=mosquitto.port,
            endpoint=Endpoint(f"ws://127.0.0.1:{port}/ws/", dialect="plain"),
            processes={**ours, "mosquitto": [mosquitto], "redis": [redis]},
        )
        wait_ready(installation)
        yield installation


def wait_ready(installation: Installation) -> None:
    """Wait until a message comes through."""
    assert installation.endpoint
    url = installation.endpoint.url

    def passes() -> bool:
        with connect(url, open_timeout=5, proxy=None) as socket:
            client.publish("devices/probe/probe/telemetry", {"n": -1})
            return bool(socket.recv(timeout=1))

    for role, processes in installation.processes.items():
        assert all(process.is_alive() for process in processes), f"{role}: {[one.tail() for one in processes]}"
    with MqttClient(installation.mqtt_port) as client:
        eventually(passes, _READY_S, what=f"{installation.name}: a message comes through")
