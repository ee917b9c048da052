"""Who is not as expected: a thief of the gateway's session, a device whose messages swell, too large commands."""

import json
import time
from collections.abc import Callable
from random import Random

from paho.mqtt.enums import MQTTProtocolVersion

from tests.faults.arena import HOSTILE, Arena
from tests.faults.grounds import PACKET_BYTES
from tests.faults.steps import Step, Timeline, moment
from tests.support.clients.mqtt import MqttClient

HOSTILE_BYTES = 250_000
NEIGHBOURS_S = 5.0  # so long nobody waits for what another device sends
_TIMES = 8
_COMMANDS = 3
_FAILED_S = 30


# ---- the gateway's session


def thief(random: Random, _arena: Arena) -> Timeline:
    """A client with the gateway's id takes its session for a while, and confirms what it is sent."""
    version = random.choice([MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
    at_s, clean = moment(random), random.random() < 0.3
    stolen: list[MqttClient] = []

    def steal(arena: Arena) -> None:
        name = arena.system.gateway.settings["MQTT_CLIENT_ID"]
        port = arena.system.parts.mosquitto.port
        stolen.append(MqttClient(port, client_id=name, version=version, clean=clean, session_expiry_s=3600))

    def leave(_arena: Arena) -> None:
        stolen.pop().break_off()

    what = f"take the gateway's session ({'a new one' if clean else 'resumed'}, {version.name})"
    return [Step(at_s, what, steal), Step(at_s + random.uniform(0.2, 2), "break off", leave)]


# ---- hostile messages


def _nested(size: int) -> bytes:
    depth = 30
    return b'{"a":' * depth + json.dumps("x" * (size - 8 * depth)).encode() + b"}" * depth


def _many(size: int) -> bytes:
    return json.dumps({f"m{number}": number for number in range(size // 16)}).encode()


def _escapes(size: int) -> bytes:
    return b'{"t":1,"s":"' + b"\\u0001" * ((size - 20) // 6) + b'"}'


def _controls(size: int) -> bytes:
    return json.dumps({"t": 1, "s": "\u20ac" * (size // 4)}, ensure_ascii=False).encode()


def _digits(size: int) -> bytes:
    return b'{"t":1,"n":[' + b",".join([b"9" * 300] * (size // 301)) + b"]}"


def _batch(size: int) -> bytes:
    return b"[" + b",".join([b'{"t":1}'] * (size // 8)) + b"]"


def _long_names(size: int) -> bytes:
    return json.dumps({f"{number:0>1000}": {"x": {"y": 1}} for number in range(size // 1100)}).encode()


SHAPES: tuple[Callable[[int], bytes], ...] = (_nested, _many, _escapes, _controls, _digits, _batch, _long_names)


def amplifier(random: Random, _arena: Arena) -> Timeline:
    """A device sends messages of 250 kB of every hostile shape; its neighbours are not to notice."""
    at_s = moment(random)
    chosen = [(random.choice(["telemetry", "state", "event/e"]), random.choice(SHAPES)) for _ in range(_TIMES)]

    def send(arena: Arena) -> None:
        with MqttClient(arena.system.parts.mosquitto.port) as device:
            for suffix, shape in chosen:
                device.publish(f"devices/{HOSTILE}/{suffix}", shape(HOSTILE_BYTES)[:HOSTILE_BYTES])
        _neighbours_go_on(arena)

    return [Step(at_s, f"{_TIMES} hostile messages of {HOSTILE_BYTES // 1000} kB", send)]


def _neighbours_go_on(arena: Arena) -> None:
    began_s, marks = time.monotonic(), arena.load.marks()
    try:
        arena.wait(lambda: not arena.recorder.behind(marks), NEIGHBOURS_S, "the neighbours are shown")
    except AssertionError as error:
        arena.complaints.append(f"{error}; behind: {len(arena.recorder.behind(marks))}")
    else:
        arena.remarks.append(f"neighbours {time.monotonic() - began_s:.1f} s behind")


# ---- packets that the broker does not take


def large_commands(random: Random, arena: Arena) -> Timeline:
    """Commands larger than the broker's packets, which it has told of: they fail, and the connection stays."""
    at_s, since = moment(random), arena.system.gateway.position()

    def look(arena: Arena) -> None:
        if downs := arena.system.gateway.count_lines("broker link down", since=since):
            arena.complaints.append(f"the link was lost {downs} time(s)")

    steps = [_large_command(at_s, device) for device in random.sample(arena.load.devices, _COMMANDS)]
    return [*steps, Step(at_s, "look at the link", look)]


def large_command_311(random: Random, arena: Arena) -> Timeline:
    """A command at which the broker hangs up without a word: it is found, and left out."""
    return [_large_command(moment(random), random.choice(arena.load.devices))]


def _large_command(at_s: float, device: str) -> Step:
    def give(arena: Arena) -> None:
        command = arena.post(f"/devices/{device}/commands", {"name": "update", "args": {"x": "x" * 2 * PACKET_BYTES}})
        path = f"/commands/{command['id']}"
        try:
            arena.wait(lambda: arena.get(path)["status"] == "failed", _FAILED_S, "the command fails")
        except AssertionError:
            arena.complaints.append(f"the command for {device} did not fail: {arena.get(path)['status']}")

    return Step(at_s, f"a command of {2 * PACKET_BYTES // 1000} kB for {device}", give)
