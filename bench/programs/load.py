"""The load generator: PUBLISH packets encoded by hand on one plain socket, so that it is never what limits a benchmark.

``python -m bench.programs.load --port 1883 --seconds 10`` publishes as fast as the broker takes it and prints what it
did as JSON on the last line; ``--rate`` makes it steady. SIGTERM ends it early and in order.
``bench.drive.checking`` counts with ``mosquitto_sub`` what came through.

Everything that is sent follows from one number, the count of messages: message ``i`` goes to device ``i % devices`` and
is that device's ``i // devices``-th; its ``n`` says so. So whoever knows ``sent`` knows what must have arrived.
"""

import argparse
import contextlib
import json
import select
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

from bench.protocol.packets import Packets, Plan

__all__ = ["BrokerGoneError", "Generator", "Outcome", "Plan", "connected"]

WINDOW: Final = 4_000  # QoS 1 messages that the broker has not confirmed
_CHUNK: Final = 250  # messages a system call
_LAST_S: Final = 20  # for the last confirmations
_PUBACK, _CONNACK_BYTES, _PUBACK_BYTES = 0x40, 4, 4


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
        self._packets = Packets(plan)
        self._unsent = memoryview(b"")
        self._stopped = False
        self._began = self._paced_from = 0.0
        self._paced_at = 0
        self._socket = connected(plan.host, plan.port)

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


def connected(host: str, port: int) -> socket.socket:
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


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.programs.load", description=sys.modules[__name__].__doc__)
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
    options = vars(parser.parse_args())
    window, first, rate, seconds, messages = (
        options.pop(name) for name in ("window", "first", "rate", "seconds", "messages")
    )
    with Generator(Plan(**options), window=window, rate=rate, first=first) as generator:
        signal.signal(signal.SIGTERM, lambda *_: generator.stop())
        print(json.dumps(asdict(generator.run(seconds=seconds, messages=messages))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
