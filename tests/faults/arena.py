"""One whole system under load, with proxies on its lines and a recorder at its end: where faults happen."""

import contextlib
import os
import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from redis import Redis

from tests.faults.disk import Disk
from tests.faults.grounds import Ground, World, ground, move_to_small_disk
from tests.faults.handled import Handled
from tests.faults.history import History
from tests.faults.load import Load
from tests.faults.recorder import Recorder
from tests.faults.verdict import Given, Key
from tests.support.clients.web_socket import Frame
from tests.support.servers.clock import Clock
from tests.support.servers.processes import Process, end_all, manage
from tests.support.servers.proxies import Proxies
from tests.support.servers.service import LocalRunner, Service
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, System

Database = Literal["postgres", "sqlite"]
SITE = "fleet"
HOSTILE = f"{SITE}/hostile"
"""A device that is known, and none of the load's."""
DEVICES = 200
PER_S = 600
SERVERS = ("mosquitto", "redis", "postgres")
SHARED: tuple[World, ...] = ("plain", "handlers")
"""Worlds that rounds leave as they were."""


@dataclass
class Arena:
    """What a fault may act on. Registered by `arena`."""

    system: System
    database: Database
    proxies: Proxies
    witness: Path
    """What passed the broker's proxy, one JSON object a line."""
    disk: Disk | None
    history: History
    token: str
    spares: dict[str, Service] = field(default_factory=dict)
    """Name of a server → what stands by for it."""
    redis_disk: Disk | None = None
    clocks: dict[str, Clock] = field(default_factory=dict)  # by process, where they have their own
    handled: Handled | None = None
    """What handlers have done; None: there are none."""
    load: Load = field(init=False)
    recorder: Recorder = field(init=False)
    extras: list[Process] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    """Names of processes that a fault has ended on purpose."""
    given: dict[str, Given] = field(default_factory=lambda: defaultdict(Given))
    """What the broker gave us, by device; kept, as it may give the same again much later."""
    unconfirmed: dict[tuple[int, int], tuple[str, Key]] = field(default_factory=dict)
    """What passed the broker's proxy and was not confirmed yet: connection and packet id → device and message."""
    complaints: list[str] = field(default_factory=list)
    """What was wrong since the last verdict: processes that ended by themselves, what was not told in time."""
    remarks: list[str] = field(default_factory=list)
    """What was measured since then."""

    # ---- the processes and servers, by name

    def names(self) -> list[str]:
        """All that a fault can kill."""
        servers = [name for name in SERVERS if name != "postgres" or self.database == "postgres"]
        return [process.name for process in self.system.processes()] + servers

    def workers(self) -> list[str]:
        """The names of the device workers."""
        return [worker.name for worker in self.system.workers]

    def process(self, name: str) -> Process:
        """One of ours."""
        return next(one for one in [*self.system.processes(), *self.extras] if one.name == name)

    def server(self, name: str) -> Service:
        """One of the servers."""
        server: Service = getattr(self.system.parts, name)
        return server

    def kill(self, name: str) -> None:
        """SIGKILL, a server's children included."""
        self.down.add(name)
        if name in SERVERS:
            self.server(name).kill()
        else:
            self.process(name).kill()

    def stop(self, name: str) -> None:
        """SIGTERM (or what means the same to the server), and wait."""
        self.down.add(name)
        if name in SERVERS:
            self.server(name).stop()
        elif status := self.process(name).terminate():
            self.complaints.append(f"{name} exited with {status} when told to stop")

    def crash_postgres(self) -> None:
        """PostgreSQL's immediate shutdown: no checkpoint, all connections cut; it recovers at its next start."""
        self.down.add("postgres")
        runner = self.server("postgres").runner
        if isinstance(runner, LocalRunner):
            runner.stop_signal, polite = signal.SIGQUIT, runner.stop_signal
            runner.stop()
            runner.stop_signal = polite
        else:
            runner.kill()

    def start(self, name: str) -> None:
        """As a supervisor would."""
        self.down.discard(name)
        if name in SERVERS:
            self.server(name).start()
        elif not self.process(name).is_alive():
            self.process(name).start()

    def signal(self, name: str, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT."""
        process = self.process(name)
        if process.is_alive():
            process.send_signal(number)

    def redis(self, *command: str) -> object:
        """Carry out a Redis command; the answer."""
        with Redis.from_url(self.system.parts.redis.url, socket_timeout=5) as client:
            answer: object = client.execute_command(*command)
        return answer

    def extra(self, name: str, *arguments: str) -> None:
        """Start one more process of ours."""
        settings = {"DATABASE_URL": self.system.gateway.settings["DATABASE_URL"]}
        process = self.system.process(name, manage(*arguments), **settings)
        self.extras.append(process.start())

    def drop_extra(self, name: str, *, kill: bool) -> None:
        """End it again."""
        process = self.process(name)
        self.extras.remove(process)
        if kill:
            process.kill()
        elif process.is_alive():
            process.terminate()

    def supervise(self) -> None:
        """Start again what ended by itself, and remember that it did."""
        for process in self.system.processes():
            if process.name not in self.down and process.returncode is not None:
                self.complaints.append(f"{process.name} ended by itself with {process.returncode}:\n{process.tail(15)}")
                process.start()

    # ---- looking

    def until(self, at_s: float) -> None:
        """Let time pass until the monotonic time `at_s`, supervising."""
        while (left_s := at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.05))
            self.supervise()

    def wait(self, probe: Callable[[], object], timeout_s: float, what: str) -> None:
        """`eventually`, supervising."""

        def supervised() -> object:
            self.supervise()
            return probe()

        eventually(supervised, timeout_s, what=what, pause_s=0.05, retry_on=(httpx.HTTPError,))

    def get(self, path: str, **parameters: str | int) -> Frame:
        """The REST API's answer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.system.url}/api/v1{path}"
        answer = httpx.get(url, params=parameters, headers=headers, timeout=10, trust_env=False)
        found: Frame = answer.raise_for_status().json()
        return found

    def post(self, path: str, body: Frame) -> Frame:
        """The REST API's answer to this body."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.system.url}/api/v1{path}"
        answer = httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False)
        found: Frame = answer.raise_for_status().json()
        return found

    def twins(self) -> dict[str, Frame]:
        """Every device as the REST API has it."""
        listed = self.get("/devices", site=SITE, limit=1000)
        return {device["device"]: device for device in listed["items"]}

    def tails(self, lines: int = 8) -> str:
        """How everybody's log ends."""
        logs = {process.name: process.tail(lines) for process in [*self.system.processes(), *self.extras]}
        logs |= {name: self.server(name).tail(lines) for name in SERVERS}
        return "\n".join(f"--- end of the log of {name}\n{tail}" for name, tail in logs.items())

    def keep_logs(self, directory: Path) -> None:
        """Copy what everybody printed, and the browser's last frames."""
        directory.mkdir(parents=True, exist_ok=True)
        for log in self.system.directory.glob("*.log"):
            shutil.copy(log, directory)
        for name in SERVERS:
            (directory / f"{name}.log").write_text(self.server(name).runner.log())
        self.recorder.dump(directory / "frames.jsonl")
        shutil.copy(self.witness, directory / "broker.jsonl")


@contextlib.contextmanager
def arena(
    make: Factory, database: Database, world: World = "plain", *, devices: int = DEVICES, per_s: int = PER_S
) -> Iterator[Arena]:
    """A system that is ready, its devices known, its browser watching, its load paused; it ends with the context."""
    with contextlib.ExitStack() as stack:
        on = stack.enter_context(ground(world, make))
        if world in SHARED:
            make.parts.mosquitto.reset()  # no former arena's sessions and retained messages
        new = _system(on, database, stack)
        stack.callback(_end, new)
        new.system.start()
        new.load = stack.enter_context(Load(on.make.parts.mosquitto.port, _device_keys(devices), per_s))
        url = f"ws://127.0.0.1:{new.system.port}/ws/v1/"
        new.recorder = stack.enter_context(Recorder(url, new.token))
        _introduce(new)
        yield new


def _device_keys(count: int) -> list[str]:
    return [f"{SITE}/dev-{number:03}" for number in range(count)]


def _system(on: Ground, database: Database, stack: contextlib.ExitStack) -> Arena:
    parts = on.make.parts
    targets = {"broker": parts.mosquitto.port, "redis": parts.redis.port, "database": parts.postgres.port}
    witness = on.make.directory / f"delivered-{os.urandom(4).hex()}.jsonl"
    proxies = stack.enter_context(Proxies(targets, witness))
    usual = {
        "MQTT_URL": f"mqtt://127.0.0.1:{proxies.ports['broker']}",
        "REDIS_URL": parts.redis.url.replace(f":{parts.redis.port}", f":{proxies.ports['redis']}"),
    }
    settings: dict[str, Any] = {**usual, **on.settings}
    system = on.make(database=database, start=False, **settings)
    if on.flaky is not None:
        system.manage("migrate", "witness", "--verbosity", "0")
        system.handlers = [system.process(f"handlers-{number}", manage("run_handlers")) for number in range(2)]
    token = system.token("recorder", "admin", None)
    disk, url = on.disk, system.settings["DATABASE_URL"]
    if database == "sqlite":
        disk, url = move_to_small_disk(system, stack)
        used = url
    else:
        second = f",127.0.0.1:{on.spares['postgres'].port}" if on.has_hosts else ""
        used = url.replace(f":{urlsplit(url).port}/", f":{proxies.ports['database']}{second}/")
    for process in system.processes():
        process.settings["DATABASE_URL"] = used
    clocks = {
        one.name: Clock(one, system.directory / f"{one.name}.clock") for one in system.processes() if on.has_clocks
    }
    handled = Handled(url, on.flaky) if on.flaky is not None else None
    return Arena(
        system, database, proxies, witness, disk, History(url), token, on.spares, on.redis_disk, clocks, handled
    )


def _introduce(new: Arena) -> None:
    """Make every device known to everybody: from then on each reading must be shown as such."""
    if new.handled is not None:
        new.wait(new.handled.has_begun, 60, "all handlers have begun in all shards")
    marks = new.load.marks()
    new.load.first_of_each()
    new.system.publish(f"devices/{HOSTILE}/telemetry", {"t": 0})
    new.wait(
        lambda: not new.recorder.behind(marks) and HOSTILE in new.recorder.stream.devices,
        30,
        "the browser sees every device",
    )
    if new.handled is not None:
        new.wait(lambda: new.handled and not new.handled.missing(new.history.new_rows()), 30, "handlers catch up")
        new.handled.settle()
    new.history.settle(new.history.new_rows())
    new.recorder.forget()
    for attempts in new.load.sent.values():
        attempts.clear()


def _end(old: Arena) -> None:
    """End the system. Whatever a broken-off fault has left behind must not keep it from that."""
    for name in ("broker", "redis", "database"):
        old.proxies.heal(name)
    for disk in filter(None, (old.disk, old.redis_disk)):
        disk.free()
    for process in [*old.system.processes(), *old.extras]:
        if process.is_alive():
            process.send_signal(signal.SIGCONT)
    for name in SERVERS:
        if name not in old.spares:  # what has one has given its place away
            old.server(name).start()
    end_all([*old.extras, *old.system.processes()])
