"""Simulated Tasmota devices: plugs that measure, dimmable lights, shutters, climate sensors (tasmota.github.io/docs).

connect   LWT Online, discovery config and sensors, INFO1-3
tick      STATE, SENSOR; now and then somebody presses the button
cmnd      RESULT, and POWER plain; STATUS n; Backlog; what is unknown: {"Command":"Unknown"}
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Leave, Publish
from mqtt_gateway.simulator.options import SimulatorOptions
from mqtt_gateway.simulator.planned import Plan

_KINDS: Final = ("plug", "light", "blind", "climate")
_BUTTON_EVERY_S: Final = 300  # on average
_SHUTTER_STEP_S: Final = 0.5  # and 5 %
_RELAYS: Final = {"plug": [1], "light": [2], "blind": [3, 3], "climate": []}
_MODELS: Final = {"plug": "Athom Plug V2", "light": "Generic", "blind": "Shelly 2.5", "climate": "NodeMCU"}


def clients(options: SimulatorOptions) -> list["TasmotaClient"]:
    """As many devices as are asked for, of each kind in turn."""
    return [TasmotaClient(options, number) for number in range(options.devices)]


class TasmotaClient:
    """One device.

    Args:
        options: of the simulation.
        number: from 0.
    """

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        self.kind = _KINDS[number % len(_KINDS)]
        self.mac = f"A4CF12{0xA00000 + number:06X}"
        self.name = f"tasmota_{self.mac[-6:]}"
        self._rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self._interval_s, self._next_s, self._now_s = 1 / options.rate, 0.0, 0.0
        self._plan = Plan()
        self.filters = [f"cmnd/{self.name}/#", "cmnd/tasmotas/#"]
        self.will = Publish(f"tele/{self.name}/LWT", b"Offline", retain=True)
        self._power, self._dimmer = False, 50
        self._position, self._target = 100, 100
        self._energy_kwh, self._temperature = self._rng.uniform(1, 200), self._rng.uniform(18, 24)

    # -------------------------------------------------------------------------------------------------- by time

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return min(self._next_s, self._plan.due_s)

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s, self._next_s = now_s, now_s + self._rng.random() * self._interval_s
        discovery = f"tasmota/discovery/{self.mac}"
        version = {"Module": _MODELS[self.kind], "Version": "15.0.1(release-tasmota)", "GroupTopic": "cmnd/tasmotas/"}
        return [
            Publish(f"tele/{self.name}/LWT", b"Online", retain=True),
            Publish(f"cmnd/{self.name}/POWER", b"", qos=0),  # as Tasmota does at each connect
            self._tele("INFO1", {"Info1": version}),
            self._tele("INFO3", {"Info3": {"RestartReason": "Power On", "BootCount": 1}}),
            Publish(f"{discovery}/config", _json(self._config()), retain=True),
            Publish(f"{discovery}/sensors", _json({"sn": self._sensor(), "ver": 1}), retain=True),
        ]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s, passed_s = now_s, max(0.0, now_s - self._now_s)
        self._physics(passed_s)
        actions = self._plan.take(now_s)
        if now_s < self._next_s:
            return actions
        self._next_s = max(self._next_s + self._interval_s, now_s)
        actions += [self._tele("STATE", self._state()), self._tele("SENSOR", self._sensor())]
        if self.kind in {"plug", "light"} and self._rng.random() < self._interval_s / _BUTTON_EVERY_S:
            actions += self._switched(not self._power)
        return actions

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def _physics(self, passed_s: float) -> None:
        self._energy_kwh += self._watts() * passed_s / 3_600_000
        self._temperature = min(30.0, max(10.0, self._temperature + self._rng.gauss(0, 0.05)))

    def _watts(self) -> float:
        return 42.0 if self._power and self.kind == "plug" else 0.0

    # ------------------------------------------------------------------------------------------- what it says

    def _config(self) -> dict[str, Any]:
        relays = _RELAYS[self.kind]
        return {
            "ip": "192.0.2.41", "dn": f"{self.kind.capitalize()} {self.mac[-2:]}", "fn": [self.kind], "hn": self.name,
            "mac": self.mac, "md": _MODELS[self.kind], "ty": 0, "if": 0, "cam": 0, "ofln": "Offline", "onln": "Online",
            "state": ["OFF", "ON", "TOGGLE", "HOLD"], "sw": "15.0.1", "t": self.name, "ft": "%prefix%/%topic%/",
            "tp": ["cmnd", "stat", "tele"], "rl": relays + [0] * (32 - len(relays)), "swc": [-1] * 28, "btn": [0] * 32,
            "so": {"4": 0, "30": 0, "73": 0, "82": 0, "114": 0}, "lk": 0, "lt_st": int(self.kind == "light"), "bat": 0,
            "dslp": 0, "sho": [], "sht": [], "ver": 1,
        }  # fmt: skip

    def _state(self) -> dict[str, Any]:
        wifi = {"AP": 1, "SSId": "home", "RSSI": 74, "Signal": -60 - self._rng.randrange(8)}
        return {"Time": self._time(), "UptimeSec": 66_972, "Heap": 28, **self._values(), "Wifi": wifi}

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.kind in {"plug", "light"}:
            values["POWER"] = "ON" if self._power else "OFF"
        return values | ({"Dimmer": self._dimmer} if self.kind == "light" else {})

    def _sensor(self) -> dict[str, Any]:
        found: dict[str, Any] = {"Time": self._time()}
        if self.kind == "plug":
            watts = self._watts() * self._rng.uniform(0.97, 1.03)
            found["ENERGY"] = {
                "TotalStartTime": "2026-01-05T08:00:00", "Total": round(self._energy_kwh, 3), "Power": round(watts),
                "Voltage": 230 + self._rng.randrange(3), "Current": round(watts / 230, 3), "Factor": 0.71,
            }  # fmt: skip
        if self.kind == "climate":
            humidity = round(50 + (self._temperature - 20) * 2, 1)
            found["BME280"] = {"Temperature": round(self._temperature, 1), "Humidity": humidity, "Pressure": 1009.6}
            found |= {"PressureUnit": "hPa", "TempUnit": "C"}
        if self.kind == "blind":
            found["Shutter1"] = self._shutter()
        return found

    def _shutter(self) -> dict[str, int]:
        direction = (self._target > self._position) - (self._target < self._position)
        return {"Position": self._position, "Direction": direction, "Target": self._target, "Tilt": 0}

    def _time(self) -> str:
        """Local time without zone, as without SetOption52."""
        return "2026-11-29T10:05:00"

    def _tele(self, what: str, value: dict[str, Any]) -> Publish:
        return Publish(f"tele/{self.name}/{what}", _json(value), qos=0)

    def _stat(self, what: str, value: dict[str, Any]) -> Publish:
        return Publish(f"stat/{self.name}/{what}", _json(value), qos=0)

    def _switched(self, on: bool) -> list[Action]:
        self._power = on
        word = "ON" if on else "OFF"
        return [self._stat("RESULT", {"POWER": word}), Publish(f"stat/{self.name}/POWER", word.encode(), qos=0)]

    # ------------------------------------------------------------------------------------------- what it obeys

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        command, text = topic.rpartition("/")[2], payload.decode(errors="replace").strip()
        if command.upper().rstrip("0") == "BACKLOG":
            orders = [one.strip().partition(" ") for one in text.split(";") if one.strip()]
            return [action for name, _, value in orders[:30] for action in self._obey(name, value)]
        return self._obey(command, text)

    def _obey(self, command: str, text: str) -> list[Action]:
        name, index = command.upper().rstrip("0123456789"), command[len(command.rstrip("0123456789")) :]
        obey = self._commands().get(name)
        if obey is None or index not in {"", "0", "1"}:
            return [self._stat("RESULT", {"Command": "Unknown", "Input": command[:40]})]
        return obey(text)

    def _commands(self) -> dict[str, Callable[[str], list[Action]]]:
        commands: dict[str, Callable[[str], list[Action]]] = {"STATUS": self._status, "RESTART": self._restart}
        if self.kind in {"plug", "light"}:
            commands["POWER"] = self._set_power
        if self.kind == "light":
            commands["DIMMER"] = self._set_dimmer
        if self.kind == "blind":
            commands["SHUTTERPOSITION"] = lambda text: self._move_to(int(text)) if text.isdecimal() else []
            commands["SHUTTEROPEN"] = lambda _text: self._move_to(100)
            commands["SHUTTERCLOSE"] = lambda _text: self._move_to(0)
            commands["SHUTTERSTOP"] = lambda _text: self._move_to(self._position)
        return commands

    def _set_power(self, text: str) -> list[Action]:
        words = {"ON": True, "1": True, "OFF": False, "0": False, "TOGGLE": not self._power, "2": not self._power}
        return self._switched(words.get(text.upper(), self._power))

    def _set_dimmer(self, text: str) -> list[Action]:
        if text.isdecimal():
            self._dimmer = min(100, int(text))
            self._power = self._dimmer > 0
        return [self._stat("RESULT", self._values())]

    def _status(self, text: str) -> list[Action]:
        answers = {
            "8": ("STATUS8", {"StatusSNS": self._sensor()}),
            "10": ("STATUS10", {"StatusSNS": self._sensor()}),
            "11": ("STATUS11", {"StatusSTS": self._state()}),
        }
        wanted = list(answers) if text == "0" else [text] if text in answers else []
        return [self._stat(*answers[one]) for one in wanted]

    def _restart(self, _text: str) -> list[Action]:
        self._plan.clear()
        self._plan.at(self._now_s + 0.3, lambda: [Leave(5)])
        return [self._stat("RESULT", {"Restart": "Restarting"})]

    def _move_to(self, position: int) -> list[Action]:
        self._target = min(100, max(0, position))
        self._plan.clear()
        self._plan.at(self._now_s + _SHUTTER_STEP_S, self._move)
        return [self._stat("RESULT", {"Shutter1": self._shutter()})]

    def _move(self) -> list[Action]:
        way = self._target - self._position
        self._position += max(-5, min(5, way))
        if self._position != self._target:
            self._plan.at(self._now_s + _SHUTTER_STEP_S, self._move)
        return [self._stat("RESULT", {"Shutter1": self._shutter()})]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
