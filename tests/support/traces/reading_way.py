"""The files that a lone reading of a known device passes, from its packet to the frame of a browser that watches.

Traced in the demo, where gateway, worker and web are one process. A file is passed if a function of it runs for every
one of some readings, and doesn't run when nothing comes: so neither what is done every second nor what is done now and
then counts. ``python -m tests.support.traces.reading_way`` prints them.
"""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from paho.mqtt.enums import MQTTProtocolVersion

from tests.support.clients.live import LiveSocket
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, manage, run_command
from tests.support.traces.traced_demo import Entry

READINGS: Final = 5
IDLE_S: Final = 5.0  # longer than the period of whatever is done again and again
_QUIET_S: Final = 0.5  # after a reading, for what it leaves to be done
UP_S: Final = 90

Window = tuple[float, float]  # seconds, monotonic: the same in all processes


def reading_way(directory: Path) -> list[str]:
    """The files, in the order in which they are first entered. ``directory``: an empty one."""
    port, mqtt_port, record = free_port(), free_port(), directory / "record.json"
    settings = {
        "DATABASE_URL": f"sqlite:///{directory}/demo.sqlite3",
        "MQTT_PORT": str(mqtt_port),
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "tests.support.traces.traced_demo", str(record)]
    demo = Process("traced-demo", command, settings, directory / "demo.log").start()
    try:
        demo.wait_for_line("Ctrl-C stops everything", UP_S)
        made = run_command(manage("create_token", "tracer", "--role", "viewer"), {**settings, "DEBUG": "true"})
        with LiveSocket(f"ws://127.0.0.1:{port}/ws/v1/", made.stdout.split()[-1]) as socket:
            idle, readings = _windows(socket, mqtt_port)
    finally:
        demo.interrupt()
    return passed([(at_s, file, function) for at_s, file, function in json.loads(record.read_text())], idle, readings)


def _windows(socket: LiveSocket, mqtt_port: int) -> tuple[list[Window], list[Window]]:
    """Twice when nothing came, and when each of the readings was under way."""
    socket.request("subscribe", site="*")
    with MqttClient(mqtt_port, version=MQTTProtocolVersion.MQTTv311) as device:

        def read(number: int) -> Window:
            began_s, text = time.monotonic(), f"reading {number} of the traced device"
            device.publish("devices/demo/mine/telemetry", {"text": text})
            socket.until(lambda frame: text in str(frame))
            window = began_s, time.monotonic()
            socket.acknowledge()
            _rest(socket, _QUIET_S)
            return window

        for number in range(2):  # the device is made known, and is online
            read(number)
        return [_rest(socket, IDLE_S) for _ in range(2)], [read(2 + number) for number in range(READINGS)]


def _rest(socket: LiveSocket, seconds: float) -> Window:
    """A time in which nobody sends anything."""
    began_s = time.monotonic()
    with contextlib.suppress(AssertionError):
        socket.until(lambda _: False, seconds)
    return began_s, time.monotonic()


def passed(record: Sequence[Entry], idle: Sequence[Window], readings: Sequence[Window]) -> list[str]:
    """The files of which each reading enters a function that does not run in each idle stretch, by their mean place."""
    resting = set.intersection(*({(file, name) for _, file, name in _within(record, one)} for one in idle))
    ways = [
        list(dict.fromkeys(file for _, file, name in _within(record, one) if (file, name) not in resting))
        for one in readings
    ]
    in_all = set.intersection(*map(set, ways))
    return sorted(in_all, key=lambda file: sum(way.index(file) for way in ways))


def _within(record: Sequence[Entry], window: Window) -> Iterator[Entry]:
    return (entry for entry in record if window[0] <= entry[0] <= window[1])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for place, passed_file in enumerate(reading_way(Path(made)), 1):
            print(f"{place:3} {passed_file}")
