"""Devices beside a hostile one: how far behind their messages come to a browser, and how fast the broker confirms them.

What a browser sees is committed: so much behind is the whole way from publication to the database and the page.
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from msgspec import Struct, field

from tests.support.clients.live import LiveSocket
from tests.support.worlds.system import System

_EVERY_S: Final = 0.2
_TOPIC: Final = "devices/{}/telemetry"


class Behind(Struct):
    """What one device's messages took, in ms."""

    seen: list[float] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)  # by the broker
    sent: int = 0

    def __str__(self) -> str:
        return (
            f"{len(self.seen)} of {self.sent} seen, median {at(self.seen, 0.5):.0f}, p99 {at(self.seen, 0.99):.0f}, "
            f"max {max(self.seen):.0f} ms; by the broker confirmed within {max(self.confirmed):.0f} ms"
        )


def at(times: Sequence[float], part: float) -> float:
    """A quantile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


class Neighbours:
    """They publish five times a second each, until the context ends.

    Args:
        system: theirs.
        devices: their keys.
    """

    def __init__(self, system: System, devices: Sequence[str]) -> None:
        self._system, self._devices = system, devices
        self.behind = {device: Behind() for device in devices}
        self._sent_s: dict[tuple[str, int], float] = {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for device in self._devices:
            self._system.publish(_TOPIC.format(device), {"i": -1})
        self._system.wait_registered(self._devices)
        socket = self._system.ws()
        socket.request("subscribe", devices=dict.fromkeys(self._devices), max_rate_hz=100)
        socket.until_type("snapshot")
        publish = [threading.Thread(target=self._publish, args=(device,)) for device in self._devices]
        self._threads = [threading.Thread(target=self._look, args=(socket,)), *publish]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def mark(self) -> dict[str, Behind]:
        """Count from now on; what was before."""
        before, self.behind = self.behind, {device: Behind() for device in self._devices}
        return before

    @property
    def longest_ms(self) -> float:
        """Of all, those that are still awaited included."""
        now_s = time.monotonic()
        waiting = [(now_s - since_s) * 1000 for since_s in list(self._sent_s.values())]
        return max([*waiting, *(ms for one in self.behind.values() for ms in one.seen)], default=0)

    def _publish(self, device: str) -> None:
        with self._system.mqtt() as client:
            number, begun_s = 0, time.monotonic()
            while not self._stopping.wait(max(0.0, begun_s + number * _EVERY_S - time.monotonic())):
                self._sent_s[device, number] = since_s = time.monotonic()
                client.publish(_TOPIC.format(device), {"i": number})
                behind = self.behind[device]
                behind.sent += 1
                behind.confirmed.append((time.monotonic() - since_s) * 1000)
                number += 1

    def _look(self, socket: LiveSocket) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                frame = socket.receive(0.5)
                socket.acknowledge()
                if frame["type"] == "delta":
                    self._seen(frame["items"])

    def _seen(self, items: list[dict[str, Any]]) -> None:
        now_s = time.monotonic()
        for item in items:
            for reading in item.get("readings", ()):
                since_s = self._sent_s.pop((item["device"], reading["metrics"].get("i")), None)
                if since_s is not None:
                    self.behind[item["device"]].seen.append((now_s - since_s) * 1000)
