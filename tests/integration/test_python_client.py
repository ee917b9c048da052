"""docs/python-client.md against a real system: the examples as they stand, commands, and a web process that dies."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from causeway_client import (
    BlockingClient,
    Change,
    Client,
    Command,
    Complete,
    Delta,
    Outage,
    RequestError,
    Resumed,
    Snapshot,
    Stream,
    TurnedAwayError,
)
from tests.support.environment import ROOT, environment
from tests.support.waiting import eventually
from tests.support.worlds.system import System

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python-client.md").read_text(), re.DOTALL)


def url(system: System) -> str:
    return f"ws://127.0.0.1:{system.port}/ws/v1/"


class Program:
    """One of the documentation's examples, running; `lines` are what it prints."""

    def __init__(self, system: System, code: str, site: str) -> None:
        code = code.replace("ws://localhost:8000/ws/v1/", url(system)).replace('"demo"', f'"{site}"')
        token = system.token("example", "viewer", site)
        settings = {**environment({}), "CAUSEWAY_TOKEN": token, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.lines.extend(lines)

    def wait(self) -> int:
        return self._process.wait(60)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join()


@contextmanager
def running(system: System, code: str, site: str) -> Iterator[Program]:
    program = Program(system, code, site)
    try:
        yield program
    finally:
        program.close()


def test_the_first_example_prints_what_happens(shared_system: System) -> None:
    publisher = shared_system.mqtt()
    publisher.publish("devices/docs1/lamp/telemetry", {"t": 0})
    shared_system.token("example", "viewer", "docs1")
    numbers = iter(range(1, 1_000_000))
    with running(shared_system, EXAMPLES[0], "docs1") as program:

        def told() -> bool:
            publisher.publish("devices/docs1/lamp/telemetry", {"t": next(numbers)})
            publisher.publish("devices/docs1/lamp/event/pressed", {"long": True})
            return any("lamp [{'rev':" in line for line in program.lines) and any(
                line == "docs1/lamp pressed {'long': True}\n" for line in program.lines
            )

        eventually(told, 20, what="the example prints readings and events", pause_s=0.1)


def test_the_second_example_lists_a_site_and_ends(shared_system: System) -> None:
    shared_system.mqtt().publish("devices/docs2/lamp/telemetry", {"t": 7})
    api = shared_system.api("example", "viewer", "docs2")
    eventually(lambda: api("GET", "/devices/docs2/lamp").json()["metrics"]["t"]["value"] == 7)
    with running(shared_system, EXAMPLES[1], "docs2") as program:
        assert program.wait() == 0
    assert len(program.lines) == 1
    assert program.lines[0].startswith("docs2/lamp online {'t': {'value': 7,")


async def test_a_command_and_a_desired_state_are_carried_out(shared_system: System) -> None:
    publisher = shared_system.mqtt()
    publisher.publish("devices/pyreq/lamp/telemetry", {"t": 0})
    api = shared_system.api("pyreq", "operator", "pyreq")
    eventually(lambda: api("GET", "/devices/pyreq/lamp").is_success)
    async with Client(url(shared_system), shared_system.token("pyreq", "operator", "pyreq"), proxy=None) as client:
        following = client.follow(devices=["pyreq/lamp"])
        seen = [await anext(following)]
        while Complete() not in seen:
            seen.append(await anext(following))
        assert client.link is not None
        reply = await client.desired("pyreq/lamp", {"target": 21})
        assert (reply["version"], reply["desired"]) == (1, {"target": 21})
        with pytest.raises(RequestError, match="conflict"):
            await client.desired("pyreq/lamp", {"target": 22}, if_version=7)
        command = await client.command("pyreq/lamp", "set_led", {"on": True}, idempotency_key="once")
        assert (await client.command("pyreq/lamp", "set_led", {"on": True}, idempotency_key="once"))["id"] == command[
            "id"
        ]
        publisher.publish(f"devices/pyreq/lamp/ack/{command['id']}", {"status": "done"})
        async for change in following:
            if isinstance(change, Command) and change.command["status"] == "done":
                break
        assert following.stream.devices["pyreq/lamp"]["desired"] == {"target": 21}


async def turned_away(system: System, token: str) -> int:
    async with Client(url(system), token, proxy=None) as client:
        with pytest.raises(TurnedAwayError) as raised:
            await anext(client.follow(site="*"))
        return raised.value.code


async def test_strangers_are_turned_away_for_good(shared_system: System) -> None:
    assert await turned_away(shared_system, "no such token") == 4401
    token = shared_system.token("pynobody", "viewer", "pynobody")
    without_role = "from devices.models import Membership as m; m.objects.filter(user__username='pynobody').delete()"
    shared_system.manage("shell", "-c", without_role)
    assert await turned_away(shared_system, token) == 4403


class Watcher:
    """Follows everything in a thread, as a program would (nothing is strict), and remembers."""

    def __init__(self, client: BlockingClient) -> None:
        self.stream = Stream()
        self.changes: list[Change] = []
        self.numbers: dict[str, list[Any]] = {}
        self._client = client
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        for change in self._client.follow(site="*", stream=self.stream):
            self.changes.append(change)
            if isinstance(change, Delta):
                numbers = self.numbers.setdefault(change.device, [])
                numbers += [reading["metrics"]["number"] for reading in change.readings]

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(change, kind) for change in self.changes)


def test_a_program_follows_the_fleet_through_the_death_of_the_web(causeway: Callable[..., System]) -> None:
    system = causeway()
    publisher = system.mqtt()
    devices = [f"demo/d{number}" for number in range(10)]

    def send(numbers: range) -> None:
        publisher.publish_all((f"devices/{device}/telemetry", {"number": n}) for n in numbers for device in devices)

    send(range(1))
    system.wait_registered(devices)
    with BlockingClient(url(system), system.token("watcher", "viewer", "demo"), proxy=None) as client:
        watcher = Watcher(client)
        eventually(lambda: len(watcher.stream.devices) == len(devices), 20)
        for round_number in range(2):
            base = 1 + round_number * 40
            send(range(base, base + 20))
            system.web.kill()
            send(range(base + 20, base + 30))
            eventually(lambda count=round_number + 1: watcher.count(Outage) == count)  # type: ignore[misc]
            system.web.start()
            send(range(base + 30, base + 40))
            eventually(lambda count=round_number + 1: watcher.count(Resumed) == count, 40)  # type: ignore[misc]
        expected = {device: list(range(1, 81)) for device in devices}
        eventually(lambda: watcher.numbers == expected, 60, what="every reading is told once and in order")
        assert watcher.count(Outage) == 2
        assert client.connections == 3
        assert {(change.reason, change.missed) for change in watcher.changes if isinstance(change, Snapshot)} == {
            ("subscribe", False)
        }
        api = system.api("watcher", "viewer", "demo")
        for device, state in watcher.stream.devices.items():
            fresh = api("GET", f"/devices/{device}").json()
            assert {section: fresh[section] for section in state} == state
