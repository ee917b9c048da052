"""The load generator: PUBLISH packets encoded by hand on one plain socket, so that it is never what limits a benchmark.

``python -m bench.load --port 1883 --seconds 10`` publishes as fast as the broker takes it and prints what it did as
JSON on the last line; ``--rate`` makes it steady; ``--check`` counts with ``mosquitto_sub`` what came through. SIGTERM
ends it early and in order.

Everything that is sent follows from one number, the count of messages: message ``i`` goes to device ``i % devices`` and
is that device's ``i // devices``-th; its ``n`` says so. So whoever knows ``sent`` knows what must have arrived.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Final

WINDOW: Final = 4_000  # QoS 1 messages that the broker has not confirmed
_CHUNK: Final = 250  # messages a system call
_LAST_S: Final = 20  # for the last confirmations
_READY: Final = "bench-load/ready"
_PUBACK, _CONNACK_BYTES, _PUBACK_BYTES = 0x40, 4, 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to publish. Devices are named ``d0``, ``d1`` …, those that publish at QoS 0 ``q0``, ``q1`` …."""

    port: int
    host: str = "127.0.0.1"
    root: str = "devices"
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
        counts = {"d": 0, "q": 0}
        out = []
        for turn in range(self.total_devices):
            kind = "q" if turn in low else "d"
            out.append(f"{kind}{counts[kind]}")
            counts[kind] += 1
        return out


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did."""

    sent: int  # messages, of either QoS
    confirmed: int  # QoS 1 messages with a PUBACK
    unconfirmed: int
    seconds: float  # from the first message to the last confirmation

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds if self.seconds else 0.0


class BrokerGoneError(Exception):
    """The broker closed the connection, or refused it."""


class Generator:
    """One connection, MQTT 3.1.1, that publishes a plan. Use it as a context manager.

    Args:
        plan: what.
        window: so many QoS 1 messages may be unconfirmed.
        rate: messages a second; None: as many as the broker takes.
        first: begin with this message.

    Attributes:
        sent: number of the next message.
        limit: it stops at so many messages and waits until this is raised (by another thread, perhaps).
    """

    def __init__(self, plan: Plan, *, window: int = WINDOW, rate: float | None = None, first: int = 0) -> None:
        self.plan = plan
        self.sent, self.confirmed = first, 0
        self.limit = sys.maxsize
        self._window, self._rate = window, rate
        self._awaited = 0  # PUBACKs
        self._partial = 0  # bytes of a PUBACK that came in part
        self._packets = _Packets(plan)
        self._unsent = memoryview(b"")
        self._stopped = False
        self._began = self._paced_from = 0.0
        self._paced_at = 0
        self._socket = _connected(plan.host, plan.port)

    def __enter__(self) -> "Generator":
        return self

    def __exit__(self, *_exception: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(b"\xe0\x00")  # DISCONNECT
        self._socket.close()

    def stop(self) -> None:
        """Make :meth:`run` return soon. Safe from a signal handler or another thread."""
        self._stopped = True

    def run(self, *, seconds: float | None = None, messages: int | None = None) -> Outcome:
        """Publish for a time, up to a count of all messages, or until :meth:`stop`; then wait for the last PUBACKs."""
        self._stopped = False
        first, self._began = self.sent, time.monotonic()
        self._paced_from, self._paced_at = self._began, self.sent
        ends = self._began + seconds if seconds is not None else float("inf")
        last = messages if messages is not None else sys.maxsize
        while not self._stopped and self.sent < last and time.monotonic() < ends:
            self._step(min(last, self.limit))
        self._finish()
        took = time.monotonic() - self._began
        return Outcome(sent=self.sent - first, confirmed=self.confirmed, unconfirmed=self._awaited, seconds=took)

    def _finish(self) -> None:
        deadline = time.monotonic() + _LAST_S
        while (self._awaited or self._unsent) and time.monotonic() < deadline:
            self._step(0)

    def _step(self, limit: int) -> None:
        """Write what may be written, read what there is; waits a few milliseconds at most."""
        if not self._unsent and (count := self._allowed(limit)) > 0:
            self._encode(count)
        readable, writable, _ = select.select([self._socket], [self._socket] if self._unsent else [], [], 0.002)
        if writable:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        if readable:
            self._read()

    def _allowed(self, limit: int) -> int:
        """How many messages may be sent now."""
        count = min(_CHUNK, limit - self.sent, self._window - self._awaited)
        if self._rate is None:
            return count
        due = int((time.monotonic() - self._paced_from) * self._rate) + self._paced_at
        return min(count, due - self.sent)

    def _encode(self, count: int) -> None:
        data, confirmable = self._packets.encode(self.sent, count)
        self._unsent = memoryview(data)
        self.sent += count
        self._awaited += confirmable

    def _read(self) -> None:
        data = self._socket.recv(65_536)
        start = -self._partial % _PUBACK_BYTES
        if not data or any(kind != _PUBACK for kind in data[start::_PUBACK_BYTES]):
            raise BrokerGoneError(f"after {self.sent} messages: {data[:20]!r}")
        count, self._partial = divmod(self._partial + len(data), _PUBACK_BYTES)
        self.confirmed += count
        self._awaited -= count


class _Packets:
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
        topic = f"{self._plan.root}/{self._plan.site}/{name}/telemetry".encode()
        qos1 = name[0] == "d"
        rest = 2 + len(topic) + 2 * qos1 + self._size
        return bytes((0x32 if qos1 else 0x30,)) + _length(rest) + len(topic).to_bytes(2) + topic, qos1

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


def _length(number: int) -> bytes:
    """Remaining length (MQTT-2.2.3): seven bits a byte."""
    out = bytearray()
    while True:
        number, seven = divmod(number, 128)
        out.append(seven | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _connected(host: str, port: int) -> socket.socket:
    """A socket after CONNECT (clean session, no keep-alive) and CONNACK."""
    connection = socket.create_connection((host, port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
    answer = connection.recv(_CONNACK_BYTES)
    if answer != b"\x20\x02\x00\x00":
        connection.close()
        raise BrokerGoneError(f"CONNACK: {answer!r}")
    connection.setblocking(False)
    return connection


# ------------------------------------------------------------------------------------------- command line


class _Counted:
    """``mosquitto_sub`` on all that is published, QoS 1: counts its lines. A context manager, which begins subscribed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.lines = 0

    def __enter__(self) -> "_Counted":
        plan = self._plan
        where = ["-h", plan.host, "-p", str(plan.port), "-q", "1"]
        _publish_retained(plan, b"ready")  # is delivered after SUBACK, and so tells of it
        command = [
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            *where,
            "-t",
            f"{plan.root}/{plan.site}/#",
            "-t",
            _READY,
            "-F",
            "%t",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != _READY.encode():
            raise BrokerGoneError("mosquitto_sub did not subscribe")
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.terminate()
        self._process.wait(_LAST_S)
        self._thread.join(_LAST_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        _publish_retained(self._plan, b"")

    def _count(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 1 << 20):
            self.lines += data.count(b"\n")


def _publish_retained(plan: Plan, payload: bytes) -> None:
    topic = _READY.encode()
    with _connected(plan.host, plan.port) as connection:
        body = len(topic).to_bytes(2) + topic + payload
        connection.sendall(b"\x31" + _length(len(body)) + body + b"\xe0\x00")  # PUBLISH, retain, QoS 0; DISCONNECT


def _check(generator: Generator, seconds: float) -> None:
    """Both rates: what the generator brought in, and what came out of the broker."""
    with _Counted(generator.plan) as listener:
        begun = time.monotonic()
        outcome = generator.run(seconds=seconds)
        while listener.lines < outcome.sent and time.monotonic() < begun + seconds + _LAST_S:
            time.sleep(0.01)
        took = time.monotonic() - begun
    received_per_s = round(listener.lines / took)
    result = {"sent_per_s": round(outcome.per_s), "received": listener.lines, "received_per_s": received_per_s}
    print(json.dumps({**result, **asdict(outcome)}))


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=sys.modules[__name__].__doc__)
    numbers = {"port": 1883, "devices": 200, "qos0": 0, "readings": 1, "start-ms": 0, "padding": 0, "size": 0}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--stamp", type="True".__eq__, default=False, metavar="True|False")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--site", default="bench")
    parser.add_argument("--root", default="devices")
    parser.add_argument("--window", type=int, default=WINDOW)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--check", action="store_true")
    options = vars(parser.parse_args())
    window, first, rate, seconds, messages, check = (
        options.pop(name) for name in ("window", "first", "rate", "seconds", "messages", "check")
    )
    with Generator(Plan(**options), window=window, rate=rate, first=first) as generator:
        signal.signal(signal.SIGTERM, lambda *_: generator.stop())
        if check:
            _check(generator, seconds or 5)
        else:
            print(json.dumps(asdict(generator.run(seconds=seconds, messages=messages))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
