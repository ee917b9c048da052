"""Devices that obey at once: ``python -m bench.programs.echo_devices --port 1883 --site actors --devices 32``.

One MQTT connection for all of them. Each publishes one reading, so that it is registered; then every command is
answered with ``done``. It says ``{"ready": 32}`` once it is subscribed and its readings are confirmed, and ends with
its standard input.
"""

import socket
import sys
from typing import Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from bench.programs.lines import options, say

_DONE: Final = b'{"status":"done"}'


def main() -> None:
    """Run from the command line."""
    given = options(__doc__, port=1883, site="actors", devices=32)
    root = f"devices/{given.site}"

    def obey(client: Client, _data: object, command: MQTTMessage) -> None:
        """``devices/{site}/{device}/command/{id}/{name}`` → ``…/ack/{id}``."""
        device, _, identity = command.topic.split("/")[2:5]
        client.publish(f"{root}/{device}/ack/{identity}", _DONE, 1)

    client = Client(CallbackAPIVersion.VERSION2, f"bench-{given.site}")
    client.on_message = obey
    client.connect("127.0.0.1", given.port)
    opened = client.socket()
    assert isinstance(opened, socket.socket)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.loop_start()
    client.subscribe(f"{root}/+/command/#", 1)
    for said in [client.publish(f"{root}/d{number}/telemetry", b'{"n":0}', 1) for number in range(given.devices)]:
        said.wait_for_publish()
    say({"ready": given.devices})
    sys.stdin.read()
    client.disconnect()


if __name__ == "__main__":
    main()
