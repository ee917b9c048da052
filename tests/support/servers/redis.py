"""Redis for tests. Like a Redis with default settings it keeps its data over `stop`, and loses the newest at `kill`."""

import os

from redis import Redis

from tests.support.servers.docker import ContainerRunner
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port
from tests.support.servers.service import Kind, LocalRunner, Service, choose

IMAGE = os.environ.get("CAUSEWAY_TEST_REDIS_IMAGE", "redis:7")
_CONTAINER_PORT = 6379


class RedisService(Service):
    """A `Service` that is emptied in place: a new server takes half a second, and most tests want an empty one."""

    def reset(self) -> None:
        """Start it unless it runs, and make it forget everything, on its disk, too."""
        self.start()
        with _client(self.url) as client:
            client.flushall()
            client.script_flush()


def redis_service(kind: Kind | None = None) -> Service:
    """A Redis server, its first database in the URL; not started yet."""
    port = free_port()
    kind, origin = choose(IMAGE, kind)
    url = f"redis://127.0.0.1:{port}/0"
    return RedisService(
        name="redis",
        runner=_local(port) if kind == "local" else ContainerRunner(IMAGE, _CONTAINER_PORT, port),
        port=port,
        url=url,
        probe=lambda: _ping(url),
        origin=origin,
    )


def _local(port: int) -> LocalRunner:
    path = program("redis-server")
    return LocalRunner(
        "redis",
        lambda directory: [path, "--port", f"{port}", "--bind", "127.0.0.1", "--dir", f"{directory}"],
    )


def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def _ping(url: str) -> None:
    with _client(url) as client:
        client.ping()
