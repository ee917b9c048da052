"""The plain Channels way as an installation: ``plain/`` on servers of its own, on either Redis layer."""

import secrets
import sys
from collections.abc import Callable, Iterator
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
from tests.support.waiting import eventually

REDIS_LAYER: Final = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER: Final = "channels_redis.pubsub.RedisPubSubChannelLayer"
_PYTHON: Final = (sys.executable, "-m")
_READY_S: Final = 30


@contextmanager
def plain_channels(
    directory: Path, name: str, *, layer: str, instead: Callable[[int], list[str]] | None = None
) -> Iterator[Installation]:
    """MQTT loop, worker and Daphne, ready and idle; one of each, because each is all that may take its part.

    (A second worker on the pub/sub layer would get every message, too; on the other it can cause repeats.)

    Args:
        directory: for logs.
        name: of the installation.
        layer: the channel layer's class.
        instead: of loop and worker: from the broker's port to the command line of what takes the place of both.
    """
    with ExitStack() as stack:
        mosquitto, redis, port = started(mosquitto_service(), stack), started(redis_service(), stack), free_port()
        settings = {
            "CHANNEL_LAYER": layer,
            "DJANGO_SETTINGS_MODULE": "bench.peers.plain.settings",
            "MQTT_PORT": str(mosquitto.port),
            "REDIS_URL": redis.url,
            "SECRET_KEY": secrets.token_urlsafe(48),
        }
        commands = {} if instead else {"workers": [*_PYTHON, "django", "runworker", "devices"]}
        commands["web"] = [*_PYTHON, "daphne", "-b", "127.0.0.1", "-p", str(port), "bench.peers.plain.app:application"]
        commands["gateway"] = instead(mosquitto.port) if instead else [*_PYTHON, "bench.peers.plain.mqtt"]
        processes = {
            role: [Process(role, command, settings, directory / f"{role}.log")] for role, command in commands.items()
        }
        stack.callback(end_all, [one for (one,) in processes.values()])
        for (one,) in processes.values():
            one.start()
        endpoint = Endpoint(f"ws://127.0.0.1:{port}/ws/", dialect="plain")
        servers = {"mosquitto": [mosquitto], "redis": [redis]}
        installation = Installation(
            name=name, mqtt_port=mosquitto.port, endpoint=endpoint, processes={**processes, **servers}
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
