"""What a load publishes: its plan, and the PUBLISH packets of it, encoded by hand (MQTT 3.1.1)."""

import itertools
import time
from dataclasses import dataclass

from tests.support.servers.mqtt_stream import text, variable_length


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to publish. Devices are named ``d0``, ``d1`` …, those that publish at QoS 0 ``q0``, ``q1`` …."""

    port: int
    site: str = "bench"
    devices: int = 200
    qos0: int = 0  # so many further devices publish at QoS 0, in between
    readings: int = 1  # of one payload; more than one: an array of objects with ``ts``, one second apart
    start_ms: int = 0  # ``ts`` of each device's first reading, Unix ms; 0: none, only for single readings
    padding: int = 0  # bytes of text in each reading
    stamp: bool = False  # ``t``: µs of CLOCK_MONOTONIC when it was encoded, for the latency
    size: int = 0  # bytes of each reading's JSON at least, by a ``pad`` of ``x``; 0: none

    @property
    def total_devices(self) -> int:
        """Of either QoS."""
        return self.devices + self.qos0

    def last(self, index: int, sent: int) -> int:
        """The highest ``n`` of the device ``names[index]`` after ``sent`` messages; -1: none."""
        return ((sent - 1 - index) // self.total_devices + 1) * self.readings - 1

    @property
    def names(self) -> list[str]:
        """In the order of their turns: those of QoS 0 spread among the others."""
        every = self.total_devices / self.qos0 if self.qos0 else 0
        low = {int(number * every) for number in range(self.qos0)}
        kinds = {"d": itertools.count(), "q": itertools.count()}
        turns = ["q" if turn in low else "d" for turn in range(self.total_devices)]
        return [f"{kind}{next(kinds[kind])}" for kind in turns]


class Packets:
    """PUBLISH packets of a plan. Numbers are padded with spaces (JSON allows it): a device's are all of one length.

    What differs between the devices of one turn is topic and packet id only, so a payload is made once a turn and call.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._payload = _template(plan)
        self._size = len(self._payload % self._numbers(0, 0))
        self._devices = [self._prefix(name) for name in plan.names]
        self._ids = [number.to_bytes(2) for number in range(1, 65_536)]
        self._next_id = 0

    def _prefix(self, name: str) -> tuple[bytes, bool]:
        """Fixed header and topic (MQTT-3.3.1, 3.3.2); whether QoS 1."""
        topic = f"devices/{self._plan.site}/{name}/telemetry".encode()
        qos1 = name[0] == "d"
        rest = 2 + len(topic) + 2 * qos1 + self._size
        return bytes((0x32 if qos1 else 0x30,)) + variable_length(rest) + text(topic), qos1

    def encode(self, first: int, count: int) -> tuple[bytes, int]:
        """Messages ``first`` … ``first + count - 1``, and how many of them are of QoS 1."""
        out: list[bytes] = []
        now_us = time.monotonic_ns() // 1000
        confirmable = 0
        while count > 0:
            turn, device = divmod(first, len(self._devices))
            part = self._devices[device : device + count]
            payload = self._payload % self._numbers(turn, now_us)
            for prefix, qos1 in part:
                if qos1:
                    out += (prefix, self._ids[self._next_id], payload)
                    self._next_id = (self._next_id + 1) % 65_535
                    confirmable += 1
                else:
                    out += (prefix, payload)
            first, count = first + len(part), count - len(part)
        return b"".join(out), confirmable

    def _numbers(self, turn: int, now_us: int) -> tuple[int, ...]:
        plan = self._plan
        numbers = range(turn * plan.readings, (turn + 1) * plan.readings)
        timed, stamp = bool(plan.start_ms or plan.readings > 1), (now_us,) * plan.stamp
        return tuple(value for n in numbers for value in (n, *(plan.start_ms + n * 1000,) * timed, *stamp))


def _template(plan: Plan) -> bytes:
    """One payload with a ``%d`` for each number of it."""
    parts = ['"n":%10d']
    parts += ['"ts":%13d'] * bool(plan.start_ms or plan.readings > 1) + ['"t":%14d'] * plan.stamp
    parts += [f'"text":"{"x" * plan.padding}"'] * bool(plan.padding)
    if plan.size:
        missing = plan.size - len("{" + ",".join(parts) % ((0,) * ",".join(parts).count("%")) + ',"pad":""}')
        parts.append(f'"pad":"{"x" * max(0, missing)}"')
    one = "{" + ",".join(parts) + "}"
    return (one if plan.readings == 1 else "[" + ",".join([one] * plan.readings) + "]").encode()
