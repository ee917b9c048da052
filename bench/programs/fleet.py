"""Thousands of devices with an MQTT connection each, in one cheap process: raw sockets, packets encoded by hand.

``python -m bench.programs.fleet --port 1883 --devices 10000`` connects d0, d1, … (MQTT 3.1.1, a will, keep-alive), has
each publish its birth, and prints ``{"ready": 10000, …}``. Then it answers lines on its standard input:

- ``run {"first": 0, "seconds": 3}``, with ``"rate"`` perhaps: the devices publish in turn, each on its own connection;
  answered by bench.programs.load's outcome as one line of JSON;
- ``limit 8000``, also during a run: no message from that number on is sent until it is raised.

It ends with its standard input, and disconnects in order: no wills.
"""

import argparse
import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict
from typing import Any, Final

from bench.measure.files import TooFewFilesError, allow_files
from bench.programs.load import BrokerGoneError, Outcome
from bench.protocol.packets import Packets, Plan, remaining_length

KEEP_ALIVE_S: Final = 60
WINDOW: Final = 4_000  # messages that the broker has not confirmed
_CONNECTING: Final = 50  # at a time: no more than a usual backlog takes
_CHUNK: Final = 100  # messages between two looks at what came
_LAST_S: Final = 30.0  # for the last confirmations
_CONNACK, _PUBACK, _PINGRESP = 0x20, 0x40, 0xD0
_LENGTHS: Final = {_CONNACK: 4, _PUBACK: 4, _PINGRESP: 2}
_PINGREQ, _DISCONNECT = b"\xc0\x00", b"\xe0\x00"


def connect_packet(client_id: str, will_topic: str) -> bytes:
    """CONNECT (MQTT-3.1): clean session, and a retained will ``offline`` at QoS 1."""
    flags = 0b0010_1110  # will retain, will QoS 1, will, clean session
    head = b"\x00\x04MQTT\x04" + bytes((flags,)) + KEEP_ALIVE_S.to_bytes(2)
    body = head + b"".join(_text(part) for part in (client_id, will_topic, "offline"))
    return b"\x10" + remaining_length(len(body)) + body


def birth_packet(topic: str) -> bytes:
    """PUBLISH ``online``, retained, QoS 1, packet id 1: nothing else is under way yet."""
    body = _text(topic) + b"\x00\x01online"
    return b"\x33" + remaining_length(len(body)) + body


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2) + value.encode()


class Device:
    """One connection."""

    __slots__ = ("confirmed", "connected", "rest", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.rest = b""  # a packet that came in part
        self.connected = False
        self.confirmed = 0

    def receive(self) -> int:
        """Read what there is; how many PUBACKs.

        Raises:
            BrokerGoneError: the broker closed, refused, or sent what nobody asked for.
        """
        data = self.socket.recv(4096)
        if not data:
            raise BrokerGoneError("the broker closed a connection")
        data = self.rest + data
        pubacks = start = 0
        while start + (length := _LENGTHS.get(data[start], 0) if start < len(data) else 1) <= len(data):
            if not length or (data[start] == _CONNACK and data[start + 3]):
                raise BrokerGoneError(f"unexpected: {data[start : start + 8]!r}")
            self.connected |= data[start] == _CONNACK
            pubacks += data[start] == _PUBACK
            start += length
        self.rest = data[start:]
        return pubacks


class Fleet:
    """All devices and their loop.

    Args:
        plan: whose; of QoS 1.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._packets = plan, Packets(plan)
        self._epoll = select.epoll()
        self._commands = sys.stdin.fileno()
        self._devices: list[Device] = []
        self._by_file: dict[int, Device] = {}
        self._awaited = 0  # PUBACKs
        self._next_ping_s = time.monotonic() + KEEP_ALIVE_S / 2
        self._limit = sys.maxsize
        self._lines: list[str] = []
        self._unread, self._ended = b"", False

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self) -> float:
        """Connect all, and have their births confirmed; the seconds that it took.

        Raises:
            BrokerGoneError: not all could.
        """
        begun = time.monotonic()
        for first in range(0, self._plan.devices, _CONNECTING):
            some = [self._dial(name) for name in self._plan.names[first : first + _CONNECTING]]
            self._devices += some
            self._until(lambda some=some: all(device.connected for device in some))
        self._until(lambda: not self._awaited)
        self._epoll.register(self._commands, select.EPOLLIN)
        return time.monotonic() - begun

    def _dial(self, name: str) -> Device:
        """CONNECT and the birth at once: a client may, before its CONNACK (MQTT-3.1.4)."""
        plan = self._plan
        topic = f"{plan.root}/{plan.site}/{name}/status"
        connection = socket.create_connection((plan.host, plan.port), timeout=_LAST_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_packet(f"{plan.site}-{name}", topic) + birth_packet(topic))
        device = self._by_file[connection.fileno()] = Device(connection)
        self._epoll.register(connection.fileno(), select.EPOLLIN)
        self._awaited += 1
        return device

    def _until(self, done: Any) -> None:
        ends = time.monotonic() + _LAST_S
        while not done():
            if time.monotonic() > ends:
                raise BrokerGoneError(f"{self._awaited} births were not confirmed within {_LAST_S:g} s")
            self._receive(0.05)

    def close(self) -> None:
        """Disconnect all."""
        for device in self._devices:
            device.socket.sendall(_DISCONNECT)
            device.socket.close()
        self._epoll.close()

    # ------------------------------------------------------------------------------------------------ loop

    def serve(self) -> None:
        """Carry out commands until standard input ends."""
        while not self._ended:
            self._receive(0.5)
            self._keep_alive()
            while self._lines:
                print(json.dumps(asdict(self._run(**json.loads(self._lines.pop(0))))), flush=True)

    def _receive(self, wait_s: float) -> None:
        for file, _ in self._epoll.poll(wait_s):
            if file == self._commands:
                self._read_commands()
            else:
                self._awaited -= self._by_file[file].receive()

    def _read_commands(self) -> None:
        data = os.read(self._commands, 65_536)  # not through a buffer, which would keep lines from epoll
        self._ended |= not data
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "limit":
                self._limit = int(rest)
            else:
                self._lines.append(rest)

    def _keep_alive(self) -> None:
        """All at once, twice as often as they must (MQTT-3.1.2-24)."""
        if time.monotonic() >= self._next_ping_s:
            self._next_ping_s = time.monotonic() + KEEP_ALIVE_S / 2
            for device in self._devices:
                device.socket.sendall(_PINGREQ)

    def _run(self, first: int, seconds: float, rate: float | None = None) -> Outcome:
        begun = time.monotonic()
        number = first
        while not self._ended and time.monotonic() < begun + seconds:
            due = sys.maxsize if rate is None else first + int((time.monotonic() - begun) * rate)
            count = min(_CHUNK, self._limit - number, due - number, WINDOW - self._awaited)
            for message in range(number, number + count):
                self._publish(message)
            number += max(0, count)
            self._receive(0 if count > 0 else 0.002)
            self._keep_alive()
        self._finish()
        sent, took = number - first, time.monotonic() - begun
        return Outcome(sent=sent, confirmed=sent - self._awaited, unconfirmed=self._awaited, seconds=took)

    def _publish(self, message: int) -> None:
        data, confirmable = self._packets.encode(message, 1)
        self._devices[message % len(self._devices)].socket.sendall(data)
        self._awaited += confirmable

    def _finish(self) -> None:
        ends = time.monotonic() + _LAST_S
        while self._awaited and not self._ended and time.monotonic() < ends:
            self._receive(0.05)


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.programs.fleet", description=sys.modules[__name__].__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--site", default="bench")
    parser.add_argument("--size", type=int, default=120, help="bytes of a payload")
    options = parser.parse_args()
    plan = Plan(port=options.port, devices=options.devices, site=options.site, size=options.size, stamp=True)
    try:
        allow_files(plan.devices)
        fleet = Fleet(plan)
        took_s = fleet.connect()
        print(json.dumps({"ready": plan.devices, "seconds": took_s}), flush=True)
        fleet.serve()
        fleet.close()
    except (BrokerGoneError, TooFewFilesError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
