"""Redis for tests. Like a Redis with default settings it keeps its data over `stop`, and loses the newest at `kill`."""

import os
from pathlib import Path

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


def redis_service(kind: Kind | None = None, *options: str) -> Service:
    """A Redis server with these options, its first database in the URL; not started yet."""
    port = free_port()
    kind, origin = choose(IMAGE, "local" if options else kind)
    url = f"redis://127.0.0.1:{port}/0"
    return RedisService(
        name="redis",
        runner=_local(port, *options) if kind == "local" else ContainerRunner(IMAGE, _CONTAINER_PORT, port),
        port=port,
        url=url,
        probe=lambda: _ping(url),
        origin=origin,
    )


def _local(port: int, *options: str) -> LocalRunner:
    path = program("redis-server")
    return LocalRunner(
        "redis",
        lambda directory: [path, "--port", f"{port}", "--bind", "127.0.0.1", "--dir", f"{directory}", *options],
    )


SENTINEL_NAME = "main"


def sentinel_service(master_port: int) -> Service:
    """A Redis Sentinel that looks after the master on a port, alone: what it thinks is so."""
    port, path = free_port(), program("redis-server")
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"sentinel monitor {SENTINEL_NAME} 127.0.0.1 {master_port} 1",
        f"sentinel down-after-milliseconds {SENTINEL_NAME} 1000",
        f"sentinel failover-timeout {SENTINEL_NAME} 5000",
    ]

    def prepare(directory: Path) -> None:
        (directory / "sentinel.conf").write_text("\n".join(lines) + "\n")

    return Service(
        name="sentinel",
        runner=LocalRunner("sentinel", lambda _: [path, "sentinel.conf", "--sentinel"], prepare),
        port=port,
        url=f"redis://127.0.0.1:{port}/0",
        probe=lambda: _ping(f"redis://127.0.0.1:{port}/0"),
        origin="local program",
    )


def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def _ping(url: str) -> None:
    with _client(url) as client:
        client.ping()
