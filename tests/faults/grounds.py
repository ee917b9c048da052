"""What a system of the faults stands on. Most leave their servers as they were; others need a world of their own."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from redis import Redis

from tests.faults.disk import Disk, small_disk
from tests.faults.flaky_server import FlakyServer
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import PostgresService, postgres_service, standby_service
from tests.support.servers.redis import SENTINEL_NAME, redis_service, sentinel_service
from tests.support.servers.service import Service, descendants
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, Parts, System, factory

World = Literal[
    "plain", "apart", "clocks", "replica", "sentinel", "redis disk", "standby", "hosts", "disk", "narrow",
    "narrow 3.1.1", "handlers",
]  # fmt: skip
PACKET_BYTES = 20_000  # the most that the broker of the narrow world takes
_READY_S = 30


@dataclass
class Ground:
    """The servers, and what follows from them."""

    make: Factory
    settings: dict[str, str] = field(default_factory=dict)
    """Of all processes, beside the usual ones."""
    spares: dict[str, Service] = field(default_factory=dict)
    """Name of a server → what stands by for it."""
    disk: Disk | None = None
    """The database server's."""
    redis_disk: Disk | None = None
    has_clocks: bool = False
    """Whether each of the processes has a clock of its own."""
    has_hosts: bool = False
    """Whether the processes know both database servers."""
    flaky: FlakyServer | None = None
    """What handlers call; without it there are none."""


@contextlib.contextmanager
def ground(world: World, make: Factory) -> Iterator[Ground]:
    """The ground of a world: `make` and its servers for the plain one, else with servers of its own."""
    with contextlib.ExitStack() as stack:
        yield _GROUNDS[world](make, stack) if world != "plain" else Ground(make)


def _with(make: Factory, stack: contextlib.ExitStack, **own: Service) -> Factory:
    """A factory on servers of its own: these, a broker and a Redis; PostgreSQL is the other systems', too."""
    postgres = own.get("postgres", make.parts.postgres)
    assert isinstance(postgres, PostgresService)
    parts = Parts(own.get("mosquitto") or mosquitto_service(), own.get("redis") or redis_service(), postgres)
    postgres.is_wiped_whole = "postgres" in own
    for one in (parts.mosquitto, parts.redis, *([postgres] if "postgres" in own else [])):
        stack.callback(one.close)
        one.start()
    templates = {} if "postgres" in own else make.templates
    return stack.enter_context(factory(parts, make.directory, templates, make.writer))


def _apart(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A broker whose other systems are not disturbed."""
    return Ground(_with(make, stack))


def _replica(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A Redis with a replica."""
    mine = _with(make, stack, redis=redis_service("local"))
    replica = redis_service("local", "--repl-diskless-sync-delay", "0")
    stack.callback(replica.close)
    replica.start()
    ask(replica, "REPLICAOF", "127.0.0.1", str(mine.parts.redis.port))
    eventually(lambda: _info(replica)["master_link_status"] == "up", _READY_S, what="the replica is a copy")
    return Ground(mine, spares={"redis": replica})


def _sentinel(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """The same with a Sentinel that looks after them, and tells the processes where the master is."""
    found = _replica(make, stack)
    sentinel = sentinel_service(found.make.parts.redis.port)
    stack.callback(sentinel.close)
    sentinel.start()
    eventually(lambda: len(ask(sentinel, "SENTINEL", "REPLICAS", SENTINEL_NAME)) == 1, _READY_S)  # type: ignore[arg-type]
    found.settings["REDIS_URL"] = f"redis+sentinel://127.0.0.1:{sentinel.port}/{SENTINEL_NAME}/0"
    return found


def _redis_disk(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A Redis that saves, on a disk that can be full."""
    home = Path(tempfile.gettempdir()) / f"causeway-disk-{os.urandom(4).hex()}"
    servers: list[Service] = []
    disk = stack.enter_context(small_disk(home, lambda: [one.pid for one in servers]))
    servers.append(redis_service("local", "--dir", str(home), "--save", "3600 1"))
    return Ground(_with(make, stack, redis=servers[0]), redis_disk=disk)


def _standby(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A PostgreSQL whose commits are on a streaming standby before they are confirmed."""
    primary = postgres_service("local")
    mine = _with(make, stack, postgres=primary)
    standby = standby_service(primary)
    stack.callback(standby.close)
    standby.start()
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.execute("SELECT pg_reload_conf()")
    states = "SELECT sync_state FROM pg_stat_replication"
    eventually(lambda: primary.execute(states) == [("sync",)], _READY_S, what="the standby is waited for")
    return Ground(mine, spares={"postgres": standby})


def _hosts(make: Factory, stack: contextlib.ExitStack) -> Ground:
    found = _standby(make, stack)
    found.has_hosts = True
    return found


def _disk(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A PostgreSQL on a disk that can be full."""
    home = Path(tempfile.gettempdir()) / f"causeway-disk-{os.urandom(4).hex()}"
    writers: list[Callable[[], list[int]]] = []
    disk = stack.enter_context(small_disk(home, lambda: [pid for pids in writers for pid in pids()]))
    postgres = postgres_service(home=home)
    writers.append(lambda: [postgres.pid, *descendants(postgres.pid)])
    return Ground(_with(make, stack, postgres=postgres), disk=disk)


def _narrow(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """A broker that hangs up on larger packets. In MQTT 5 it says so before."""
    return Ground(_with(make, stack, mosquitto=mosquitto_service("local", max_packet_size=PACKET_BYTES)))


def _narrow_311(make: Factory, stack: contextlib.ExitStack) -> Ground:
    found = _narrow(make, stack)
    found.settings["MQTT_VERSION"] = "3.1.1"
    return found


def _clocks(make: Factory, _stack: contextlib.ExitStack) -> Ground:
    """The usual servers; the processes' clocks are not theirs."""
    return Ground(make, has_clocks=True)


def _handlers(make: Factory, stack: contextlib.ExitStack) -> Ground:
    """The usual servers, an app with handlers in processes of their own, and a server that these call."""
    flaky = stack.enter_context(FlakyServer("flaky"))
    settings = {"CAUSEWAY_APPS": "tests.apps.witness", "HANDLERS_IN_WORKERS": "false", "WITNESS_URL": flaky.url}
    return Ground(make, settings, flaky=flaky)


_GROUNDS: dict[World, Callable[[Factory, contextlib.ExitStack], Ground]] = {
    "apart": _apart,
    "replica": _replica,
    "sentinel": _sentinel,
    "redis disk": _redis_disk,
    "clocks": _clocks,
    "standby": _standby,
    "hosts": _hosts,
    "disk": _disk,
    "narrow": _narrow,
    "narrow 3.1.1": _narrow_311,
    "handlers": _handlers,
}


def move_to_small_disk(system: System, stack: contextlib.ExitStack) -> tuple[Disk, str]:
    """Give SQLite a disk that can be full; the disk, and the database's new URL."""
    directory = system.directory / "disk"
    writers = lambda: [process.pid for process in system.processes() if process.is_alive()]  # noqa: E731
    disk = stack.enter_context(small_disk(directory, writers))
    file = Path(system.settings["DATABASE_URL"].removeprefix("sqlite:///"))
    for part in file.parent.glob(f"{file.name}*"):
        shutil.copy(part, directory)
    return disk, f"sqlite:///{directory / file.name}"


def ask(service: Service, *words: str) -> object:
    """A Redis's or Sentinel's answer."""
    with Redis.from_url(service.url, socket_timeout=5) as client:
        answer: object = client.execute_command(*words)
    return answer


def _info(service: Service) -> dict[str, object]:
    with Redis.from_url(service.url, socket_timeout=5) as client:
        return dict(client.info("replication"))
