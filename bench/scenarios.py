"""What is measured. Each scenario takes a running system and returns samples; the runner alternates the systems."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.load import Generator, Plan
from tests.support.live import Frame
from tests.support.system import System
from tests.support.waiting import eventually

OUTSTANDING = 8_000  # messages published and not yet applied: the gateway's limit, so that none waits in the broker
_WARM_UP_S = 2.0
_POLL_S = 0.1
_DRAIN_S = 60


def lone_message_ms(system: System, messages: int) -> list[float]:
    """Publish → WebSocket frame, one message at a time: milliseconds of each."""
    key = "bench/lone"
    client = system.mqtt()
    client.publish(f"devices/{key}/telemetry", {"n": -1})
    eventually(lambda: system.api("bench", "admin", None)("GET", f"/devices/{key}").is_success)
    socket = system.ws("bench", "admin", None)
    socket.request("subscribe", devices={key: None}, max_rate_hz=100)
    socket.until_type("snapshot")
    samples = []
    for number in range(messages):
        begun = time.perf_counter()
        client.publish(f"devices/{key}/telemetry", {"n": number}, qos=1)
        socket.until(lambda frame, number=number: _carries(frame, number))  # type: ignore[misc]
        samples.append((time.perf_counter() - begun) * 1000)
        socket.acknowledge()
    socket.close()
    client.close()
    return samples


def _carries(frame: Frame, number: int) -> bool:
    if frame["type"] != "delta":
        return False
    return any(reading["metrics"].get("n") == number for item in frame["items"] for reading in item["readings"])


class _Applied:
    """How many deliveries the ledger says are applied, since now; looked at ten times a second."""

    def __init__(self, system: System, seen: Callable[[int], None]) -> None:
        self._api = system.api("bench", "admin", None)
        self._seen = seen
        self._stopping = threading.Event()
        self._base = 0
        self._base = self.now()

    def now(self) -> int:
        return int(self._api("GET", "/ledger").raise_for_status().json()["applied"]) - self._base

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="applied")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_S):
            self._seen(self.now())


def sustained_per_s(system: System, seconds: float) -> list[float]:
    """QoS 1 messages of 200 devices, as fast as they are applied, for some seconds after a warm-up: messages a second.

    The generator keeps ``OUTSTANDING`` messages between itself and the ledger. Each must be applied in the end.
    """
    marks: list[tuple[float, int]] = []  # when, and how many were applied then
    with Generator(Plan(port=system.parts.mosquitto.port), window=2 * OUTSTANDING) as generator:

        def seen(applied: int) -> None:
            marks.append((time.monotonic(), applied))
            generator.limit = applied + OUTSTANDING

        applied = _Applied(system, seen)
        generator.limit = OUTSTANDING
        with applied.watched():
            generator.run(seconds=_WARM_UP_S + seconds)
    eventually(lambda: applied.now() == generator.sent, _DRAIN_S, what="every message is applied", pause_s=_POLL_S)
    first = next(mark for mark in marks if mark[0] - marks[0][0] >= _WARM_UP_S)
    return [(marks[-1][1] - first[1]) / (marks[-1][0] - first[0])]


def generator_per_s(system: System, seconds: float) -> list[float]:
    """The load generator into the broker alone, on a topic that nobody subscribes to: messages a second."""
    plan = Plan(port=system.parts.mosquitto.port, root="nobody")
    with Generator(plan) as generator:
        return [generator.run(seconds=seconds).per_s]
