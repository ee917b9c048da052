"""Devices that obey at once: ``python -m bench.programs.echo_devices --port 1883 --site actors --devices 32``.

One MQTT connection for all of them (3.1.1, clean session, nothing but bytes in and out), so that the device side costs
next to nothing. Each publishes one reading, so that it is registered; then every command is answered with ``done``. It
says ``{"ready": 32}`` once it is subscribed and its readings are confirmed, and ends with its standard input.
"""

import argparse
import select
import socket
import sys
from typing import Final

from bench.programs.lines import say
from tests.support.servers.mqtt_stream import (
    PUBACK,
    PUBLISH,
    Packets,
    Published,
    connect_packet,
    packet,
    read_publish,
    text,
)

_DONE: Final = b'{"status":"done"}'
_SUBSCRIBE_FIRST, _MQTT_311 = 0x82, 4
_QOS1: Final = PUBLISH << 4 | 1 << 1
_ROOT: Final = "devices"


class Devices:
    """The devices of a site: packets in, packets out. No I/O.

    Args:
        site: which.
        devices: how many: ``d0``, ``d1``, …
    """

    def __init__(self, site: str, devices: int) -> None:
        self._site = site
        self._awaited = devices  # PUBACKs of first readings
        self._devices = devices
        self._packets = Packets()
        self._next_id = 0
        self.answered = 0
        self.ready = False

    def connect(self) -> bytes:
        """What to send first."""
        return connect_packet(f"bench-{self._site}", keep_alive_s=0)

    def feed(self, data: bytes) -> bytes:
        """What to send on that."""
        return b"".join(self._react(first, body) for first, body in self._packets.feed(data))

    def _react(self, first: int, body: bytes) -> bytes:
        match first >> 4:
            case 2:  # CONNACK
                topics = text(f"{_ROOT}/{self._site}/+/command/#".encode()) + b"\1"
                return packet(_SUBSCRIBE_FIRST, b"\0\1" + topics)
            case 9:  # SUBACK
                return b"".join(self._publish(f"d{number}/telemetry", b'{"n":0}') for number in range(self._devices))
            case 4:  # PUBACK
                self._awaited -= 1
                self.ready = self._awaited <= 0
            case 3:  # PUBLISH
                return self._obey(read_publish(first, body, _MQTT_311))
        return b""

    def _obey(self, command: Published) -> bytes:
        """``{root}/{site}/{device}/command/{id}/{name}`` → PUBACK, and ``…/ack/{id}``."""
        device, _, identity = command.topic.split("/")[2:5]
        self.answered += 1
        return packet(PUBACK << 4, command.packet_id.to_bytes(2)) + self._publish(f"{device}/ack/{identity}", _DONE)

    def _publish(self, suffix: str, payload: bytes) -> bytes:
        self._next_id = self._next_id % 65_535 + 1
        topic = f"{_ROOT}/{self._site}/{suffix}".encode()
        return packet(_QOS1, text(topic) + self._next_id.to_bytes(2) + payload)


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--site", default="actors")
    parser.add_argument("--devices", type=int, default=32)
    options = parser.parse_args()
    devices, ready = Devices(options.site, options.devices), False
    with socket.create_connection(("127.0.0.1", options.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(devices.connect())
        while sys.stdin not in select.select([connection, sys.stdin], [], [])[0]:
            if not (data := connection.recv(1 << 16)):
                print("the broker hung up", file=sys.stderr)
                return 1
            connection.sendall(devices.feed(data))
            if devices.ready and not ready:
                ready = True
                say({"ready": options.devices})
    return 0


if __name__ == "__main__":
    sys.exit(main())
