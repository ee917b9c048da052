"""What becomes of a message: bytes kept in the database, with rows and indexes, and CPU time."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from asgiref.sync import async_to_sync
from django.db.models import Sum
from django.db.models.functions import Length
from django.test import RequestFactory
from msgspec import Struct

from devices.models import Command, Event, Quarantined, Reading, Twin
from devices.requests.commands import store_command
from devices.requests.refusals import RefusalError
from devices.requests.registry import register_device
from devices.rules.actors import Actor
from devices.web.api.app import StrictParser
from devices.web.live.socket.client_frames import BadFrame, SetDesired, parse
from tests.support.worlds.deliveries import delivery
from tests.support.worlds.ingest_worker import Worker

ROW_BYTES: Final = 140  # of any row: its head, its numbers, and its entries in two indexes, on PostgreSQL
KEPT_A_BYTE, KEPT_A_READING, KEPT_AT_LEAST = 8, 256, 512
CPU_A_BYTE_S, CPU_AT_LEAST_S = 3e-6, 0.06  # of a machine that does much besides

ROBOT: Final = Actor("app", "fuzz")


class Came(Struct, frozen=True):
    """What a message came to."""

    sent: int  # bytes
    kept: int  # bytes
    readings: int
    cpu_s: float

    @property
    def kept_part(self) -> float:
        """How much of what may be kept of it is kept."""
        return self.kept / (KEPT_A_BYTE * self.sent + KEPT_A_READING * self.readings + KEPT_AT_LEAST)

    @property
    def part(self) -> float:
        """How near it comes to a bound; over 1: beyond."""
        return max(self.kept_part, self.cpu_part)

    @property
    def cpu_part(self) -> float:
        """How much of the time that it may take it takes."""
        return self.cpu_s / (CPU_A_BYTE_S * self.sent + CPU_AT_LEAST_S)


def _sum(rows: Any, *columns: str) -> tuple[int, int]:
    found = list(rows.annotate(size=sum((Length(column) for column in columns[1:]), Length(columns[0]))).values("size"))
    return sum(row["size"] for row in found) + ROW_BYTES * len(found), len(found)


def kept(key: str) -> tuple[int, int]:
    """The bytes that are kept of a device, and how many readings."""
    readings, count = _sum(Reading.objects.filter(device__key=key), "metrics")
    events, _ = _sum(Event.objects.filter(device__key=key), "data", "name")
    bad, _ = _sum(Quarantined.objects.filter(device__key=key), "payload", "topic", "detail")
    commands, _ = _sum(Command.objects.filter(device__key=key), "args")
    twin = Twin.objects.filter(device__key=key).aggregate(size=Sum(Length("doc")))["size"] or 0
    return readings + events + bad + commands + twin, count


class Target:
    """Something that takes payloads for a device of its own each, or for one that has had some already."""

    def __init__(self, name: str, take: Callable[[str, bytes], None]) -> None:
        self.name, self._take = name, take

    def __call__(self, key: str, payload: bytes) -> Came:
        """What it comes to."""
        before, readings_before = kept(key)
        begun_s = time.process_time()
        self._take(key, payload)
        cpu_s = time.process_time() - begun_s
        after, readings = kept(key)
        return Came(len(payload), after - before, readings - readings_before, cpu_s)


def uplink(worker: Worker, topic: str, *, retain: bool = False) -> Target:
    """An MQTT message to the worker, planned, carried out and stored in this process."""

    def take(key: str, payload: bytes) -> None:
        worker.hear(delivery(key, topic, payload, retain=retain))

    return Target(f"{topic}{', retained' if retain else ''}", take)


def frame(worker: Worker) -> Target:
    """A WebSocket frame that sets a desired state."""

    def take(key: str, payload: bytes) -> None:
        text = b'{"type":"desired","id":"1","device":"%b","patch":%b}' % (key.encode(), payload)
        asked = parse(text.decode(errors="replace"))
        if isinstance(asked, SetDesired):
            worker.ask(key, "desired", patch=asked.patch, if_version=None)
        else:
            assert isinstance(asked, BadFrame)

    return Target("desired by WebSocket", take)


def body() -> Target:
    """An HTTP body that gives a command."""
    parser, requests = StrictParser(), RequestFactory()

    def take(key: str, payload: bytes) -> None:
        try:
            args = parser.parse_body(requests.post("/", payload, content_type="application/json"))
            async_to_sync(store_command)(key, "fuzz", args, actor=ROBOT)
        except RefusalError:
            return
        Command.objects.filter(device__key=key).update(status="done")

    return Target("command by HTTP", take)


def all_targets(worker: Worker) -> list[Target]:
    """All of them."""
    topics = ("telemetry", "telemetry/m", "state", "event/e", "status", "ack/x")
    ups = [uplink(worker, topic) for topic in topics]
    return [*ups, uplink(worker, "state", retain=True), uplink(worker, "telemetry", retain=True), frame(worker), body()]


def known(worker: Worker, key: str) -> str:
    """The key of a device that is there, with nothing."""
    register_device(key)
    worker.round()
    return key


def size_of(value: Any) -> int:
    """Of a value as JSON."""
    return len(msgspec.json.encode(value))
