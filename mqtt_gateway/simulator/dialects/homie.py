"""Simulated Homie 5 devices: pumps with a switch, a speed that takes time, a temperature, a horn (homieiot.github.io).

connect   $state init, $description, all values, $state ready
tick      the temperature; the speed on its way to its target
set       $target and the value, or the value at once; what doesn't fit is ignored
"""

import json
from random import Random
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Publish
from mqtt_gateway.simulator.options import SimulatorOptions
from mqtt_gateway.simulator.planned import Plan

_STEP_S: Final = 0.5
_STEP: Final = 10  # %


def clients(options: SimulatorOptions) -> list["HomieClient"]:
    """As many devices as are asked for."""
    return [HomieClient(options, number) for number in range(options.devices)]


def _description(name: str) -> dict[str, Any]:
    properties = {
        "on": {"name": "On", "datatype": "boolean", "format": "off,on", "settable": True},
        "speed": {"name": "Speed", "datatype": "integer", "format": "0:100", "unit": "%", "settable": True},
        "mode": {"name": "Mode", "datatype": "enum", "format": "auto,manual", "settable": True},
        "temperature": {"name": "Temperature", "datatype": "float", "unit": "°C"},
        "horn": {"name": "Horn", "datatype": "enum", "format": "short,long", "settable": True, "retained": False},
    }
    nodes = {"pump": {"name": "Pump", "type": "centrifugal", "properties": properties}}
    return {"homie": "5.0", "version": 1, "name": name, "nodes": nodes, "children": [], "extensions": []}


class HomieClient:
    """One device.

    Args:
        options: of the simulation.
        number: from 0.
    """

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        self.name = f"pump-{number}"
        self._base = f"homie/5/{self.name}"
        self._rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self._interval_s, self._next_s, self._now_s = 1 / options.rate, 0.0, 0.0
        self._plan = Plan()
        self.filters = [f"{self._base}/+/+/set"]
        self.will = Publish(f"{self._base}/$state", b"lost", retain=True)
        self._on, self._mode, self._speed, self._target = True, "auto", 40, 40
        self._temperature = self._rng.uniform(18, 24)

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return min(self._next_s, self._plan.due_s)

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s, self._next_s = now_s, now_s + self._rng.random() * self._interval_s
        description = json.dumps(_description(f"Pump {self.name[5:]}")).encode()
        return [
            self._attribute("$state", b"init"),
            self._attribute("$description", description),
            self._value("on", "true" if self._on else "false"),
            self._value("speed", str(self._speed)),
            self._value("mode", self._mode),
            self._value("temperature", f"{self._temperature:.1f}"),
            self._attribute("$state", b"ready"),
        ]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        actions = self._plan.take(now_s)
        if now_s < self._next_s:
            return actions
        self._next_s = max(self._next_s + self._interval_s, now_s)
        self._temperature = min(30.0, max(10.0, self._temperature + self._rng.gauss(0, 0.1)))
        return [*actions, self._value("temperature", f"{self._temperature:.1f}")]

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self._attribute("$state", b"disconnected")]

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        name, text = topic.split("/")[-2], payload.decode(errors="replace")
        match name:
            case "on" if text in ("true", "false"):
                self._on = text == "true"
                return [self._value("on", text)]
            case "mode" if text in ("auto", "manual"):
                self._mode = text
                return [self._value("mode", text)]
            case "speed" if text.isdecimal() and int(text) <= 100:
                return self._move_to(int(text))
            case "horn" if text in ("short", "long"):
                return [Publish(f"{self._base}/pump/horn", payload, qos=0)]
        return []

    def _move_to(self, speed: int) -> list[Action]:
        self._target = speed
        self._plan.clear()
        self._plan.at(self._now_s + _STEP_S, self._move)
        return [Publish(f"{self._base}/pump/speed/$target", str(speed).encode(), retain=True)]

    def _move(self) -> list[Action]:
        way = self._target - self._speed
        self._speed += max(-_STEP, min(_STEP, way))
        if self._speed != self._target:
            self._plan.at(self._now_s + _STEP_S, self._move)
        return [self._value("speed", str(self._speed))]

    def _value(self, name: str, text: str) -> Publish:
        return Publish(f"{self._base}/pump/{name}", text.encode(), retain=True)

    def _attribute(self, name: str, payload: bytes) -> Publish:
        return Publish(f"{self._base}/{name}", payload, retain=True)
