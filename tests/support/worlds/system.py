"""The whole product as it runs in production: gateway, device workers and web as processes on real parts."""

import contextlib
import itertools
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from tests.support.clients.live import LiveSocket
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.ports import free_port
from tests.support.servers.postgres import PostgresService
from tests.support.servers.processes import Process, daphne, end_all, manage, migrate, run_command
from tests.support.servers.service import Service
from tests.support.waiting import eventually

Role = Literal["viewer", "operator", "admin"]
Writer = Callable[..., str]
"""Carries out a command that only writes rows: database URL, arguments → standard output. None: by a process."""

READY_TIMEOUT_S = 60
_HTTP_TIMEOUT_S = 15
DEFAULT_SITE = "demo"


@dataclass(frozen=True)
class Parts:
    """The servers that a system runs on."""

    mosquitto: Service
    redis: Service
    postgres: PostgresService

    def start(self) -> None:
        """Start those that are down; those that run are left alone."""
        for part in (self.mosquitto, self.redis, self.postgres):
            part.start()

    def close(self) -> None:
        """End all and remove their data."""
        for part in (self.mosquitto, self.redis, self.postgres):
            part.close()


def shard_ranges(shards: int, workers: int) -> list[str]:
    """The shards of each of `workers` processes, as ``--shards`` takes them: (4, 2) → ["0-1", "2-3"]."""
    bounds = [round(shards * part / workers) for part in range(workers + 1)]
    return [f"{low}-{high - 1}" for low, high in itertools.pairwise(bounds)]


@dataclass
class System:
    """One running Causeway. Registered by the `causeway` fixture, which also ends it.

    `gateway`, `workers` and `web` are `Process` objects to be killed and started again. `settings` is what all of them
    have in their environment; a change counts from the next start of a process only.
    """

    parts: Parts
    settings: Mapping[str, str]
    directory: Path
    writer: Writer | None = None
    port: int = field(default_factory=free_port)
    gateway: Process = field(init=False)
    workers: list[Process] = field(init=False)
    web: Process = field(init=False)
    handlers: list[Process] = field(default_factory=list)
    _tokens: dict[tuple[str, Role | None, str | None], str] = field(default_factory=dict)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _publisher: MqttClient | None = None

    def create(self, workers: int, *, pinned: bool = False) -> None:
        """Make the process objects; nothing is started."""
        shards = int(self.settings["BRIDGE_SHARDS"])
        self.gateway = self.process("gateway", manage("run_gateway"))
        told = [["--shards", part] for part in shard_ranges(shards, workers)] if pinned else [[]] * workers
        self.workers = [
            self.process(f"devices-{number}", manage("run_devices", *options)) for number, options in enumerate(told)
        ]
        access_log = self.directory / "web-access.log"  # apart: every poll of a test is a line in it
        self.web = self.process("web", daphne(self.port, "--access-log", str(access_log)))

    def process(self, name: str, arguments: Sequence[str], **settings: str) -> Process:
        """One more process of ours with this system's settings (and `settings`), not started; ended with the system."""
        process = Process(name, arguments, {**self.settings, **settings}, self.directory / f"{name}.log")
        self._open.callback(lambda: end_all([process]))
        return process

    def processes(self) -> list[Process]:
        """Gateway, workers, web, and those that run handlers, if any do."""
        return [self.gateway, *self.workers, self.web, *self.handlers]

    def start(self) -> Self:
        """Start all processes and wait until ``/readyz`` is content."""
        for process in self.processes():
            process.start()
        self.wait_ready()
        return self

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until database, channel layer, broker link and shards are all there, as ``/readyz`` sees them.

        Raises:
            AssertionError: they were not within `timeout_s`, or a process has ended.
        """
        eventually(self._is_ready, timeout_s, what="/readyz answers 200", retry_on=(httpx.HTTPError,), pause_s=0.05)

    def _is_ready(self) -> bool:
        for process in self.processes():
            assert process.returncode is None, f"{process.name} ended with {process.returncode}:\n{process.tail()}"
        answer = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False)
        if answer.status_code != httpx.codes.OK:
            raise httpx.HTTPError(f"{answer.status_code} {answer.text}")
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End clients first, then all processes together; one that does not end within 30 s fails the test."""
        if self._publisher:
            self._publisher.close()
        try:
            end_all(self.processes())
        finally:
            self._open.close()

    # ---- users

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run a ``manage.py`` command with this system's settings; returns its standard output."""
        return run_command(manage(*arguments), {**self.settings, **settings}).stdout

    def token(self, user: str = "tester", role: Role | None = "admin", site: str | None = DEFAULT_SITE) -> str:
        """The API token of a user with a role on a site (both made if need be); the same each time."""
        key = (user, role, site)
        if key not in self._tokens:
            options = [*(["--role", role] if role else []), *(["--site", site] if site else [])]
            self._tokens[key] = self._write("create_token", user, *options).split()[-1]
        return self._tokens[key]

    def set_password(self, user: str, password: str) -> None:
        """Give a user that exists a password, for logging in by the page."""
        code = (
            "from django.contrib.auth import get_user_model, hashers\n"
            f"hashed = hashers.make_password({password!r}, hasher='pbkdf2_sha256')\n"
            f"get_user_model().objects.filter(username={user!r}).update(password=hashed)"
        )
        self._write("shell", "-c", code)

    def _write(self, *arguments: str) -> str:
        """Carry out a command that only writes rows."""
        return self.writer(self.settings["DATABASE_URL"], *arguments) if self.writer else self.manage(*arguments)

    # ---- clients

    @property
    def url(self) -> str:
        """Of the web process, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """An HTTP client on `url`, with a token if one is given. Closed with the system."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=_HTTP_TIMEOUT_S, trust_env=False, **options)
        return self._open.enter_context(client)

    def api(
        self, user: str = "tester", role: Role | None = "admin", site: str | None = DEFAULT_SITE
    ) -> Callable[..., httpx.Response]:
        """A function that asks the REST API as a user: ``api = system.api(); api("GET", "/devices", params=…)``."""
        client = self.client(self.token(user, role, site))

        def request(method: str, path: str, **options: Any) -> httpx.Response:
            return client.request(method, f"/api/v1{path}", **options)

        return request

    def ws(
        self, user: str = "tester", role: Role | None = "admin", site: str | None = DEFAULT_SITE, **options: Any
    ) -> LiveSocket:
        """A WebSocket as a user. Closed with the system."""
        return self.socket(self.token(user, role, site), **options)

    def socket(self, token: str | None, **options: Any) -> LiveSocket:
        """A WebSocket with a token of your own, or none. Closed with the system."""
        return self._open.enter_context(LiveSocket(f"ws://127.0.0.1:{self.port}/ws/v1/", token, **options))

    def wait_registered(self, devices: Iterable[str], timeout_s: float = 15) -> None:
        """Wait until these devices are known: a subscription made from then on begins with all of them."""
        api, missing = self.api("registrar", "viewer", None), list(devices)

        def probe() -> bool:
            missing[:] = [device for device in missing if not api("GET", f"/devices/{device}").is_success]
            return not missing

        eventually(probe, timeout_s, what=f"{len(missing)} devices are registered")

    def mqtt(self, **options: Any) -> MqttClient:
        """An MQTT client on this system's broker. Closed with the system."""
        return self._open.enter_context(MqttClient(self.parts.mosquitto.port, **options))

    def publish(self, topic: str, payload: object, qos: int = 1, *, retain: bool = False) -> None:
        """Publish under a full topic name; with QoS 1 it returns after the PUBACK."""
        self._publisher = self._publisher or MqttClient(self.parts.mosquitto.port)
        self._publisher.publish(topic, payload, qos, retain=retain)


@dataclass
class Factory:
    """Makes systems on `parts`. Call it with what differs from the default; it returns a `System` that is ready.

    Databases are copied from one migrated template a number of shards, which saves the migrations of all but the first.
    """

    parts: Parts
    directory: Path
    systems: contextlib.ExitStack
    templates: dict[str, str]
    """Number of shards → name of a migrated PostgreSQL database, "sqlite" and number → SQLite file; shared by all
    factories on the same cluster."""
    writer: Writer | None = None

    def __call__(
        self,
        *,
        shards: int = 4,
        workers: int = 2,
        pinned: bool = False,
        database: Literal["postgres", "sqlite"] = "postgres",
        start: bool = True,
        **settings: str,
    ) -> System:
        """A system on a fresh database; `settings` are variables of the contract: ``causeway(MQTT_VERSION="3.1.1")``.

        The workers share the shards; `pinned` ones have theirs by ``--shards``, in order. With `start` false only the
        database is there; start its processes one by one.
        """
        directory = self.directory / f"system-{secrets.token_hex(3)}"
        directory.mkdir()
        complete = {**self._defaults(shards), **settings}
        complete["DATABASE_URL"] = settings.get("DATABASE_URL") or self._database(database, directory, complete)
        system = self.systems.enter_context(System(self.parts, complete, directory, self.writer))
        system.create(workers, pinned=pinned)
        return system.start() if start else system

    def _defaults(self, shards: int) -> dict[str, str]:
        return {
            **dict.fromkeys(("MAX_SOCKETS_PER_USER", "MAX_SOCKETS_PER_ADDRESS"), "100000"),  # one token has thousands
            "BRIDGE_SHARDS": str(shards),
            "LOG_LEVEL": "INFO",
            "GATEWAY_NAME": f"gw-{secrets.token_hex(4)}",
            "MQTT_CLIENT_ID": f"gateway-{secrets.token_hex(4)}",
            "MQTT_URL": self.parts.mosquitto.url,
            "REDIS_URL": self.parts.redis.url,
            "SECRET_KEY": secrets.token_urlsafe(48),
        }

    def _database(self, kind: str, directory: Path, settings: Mapping[str, str]) -> str:
        return self._sqlite(directory, settings) if kind == "sqlite" else self._postgres(settings)

    def _sqlite(self, directory: Path, settings: Mapping[str, str]) -> str:
        shards, file = settings["BRIDGE_SHARDS"], directory / "causeway.sqlite3"
        url = f"sqlite:///{file}"  # four slashes: an absolute path
        template = self.templates.get(f"sqlite {shards}")
        if template:
            shutil.copy(template, file)
        else:
            migrate({**settings, "DATABASE_URL": url})
            self.templates[f"sqlite {shards}"] = str(shutil.copy(file, directory / "template.sqlite3"))
        return url

    def _postgres(self, settings: Mapping[str, str]) -> str:
        postgres, shards = self.parts.postgres, settings["BRIDGE_SHARDS"]
        if shards not in self.templates:
            url = postgres.create_database()
            migrate({**settings, "DATABASE_URL": url})
            self.templates[shards] = url.rpartition("/")[2]
        url = postgres.create_database(self.templates[shards])
        self.systems.callback(postgres.drop_database, url)
        return url


@contextlib.contextmanager
def factory(
    parts: Parts, directory: Path, templates: dict[str, str], writer: Writer | None = None
) -> Iterator[Factory]:
    """A `Factory` whose systems end with the context, the latest first."""
    with contextlib.ExitStack() as systems:
        yield Factory(parts, directory, systems, templates, writer)
