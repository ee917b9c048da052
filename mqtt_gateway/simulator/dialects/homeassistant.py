"""Simulated devices that announce themselves to Home Assistant: ESPHome's nodes, and one of the device form.

connect   discovery of each entity, retained; status online; the states, retained as ESPHome's are
tick      the sensors
command   obeyed, and reported; a button says nothing
"""

import json
from collections.abc import Callable
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Leave, Publish
from mqtt_gateway.simulator.dialects.homeassistant_node import PREFIX, Node, as_json
from mqtt_gateway.simulator.options import SimulatorOptions

_KINDS: Final = ("climate", "lamp", "blind", "plant")
_STEP_S: Final = 0.5  # and 5 % of a blind's way


def clients(options: SimulatorOptions) -> list["Node"]:
    """As many devices as are asked for, of each kind in turn."""
    kinds: dict[str, type[Node]] = {"climate": Climate, "lamp": Lamp, "blind": Blind, "plant": Plant}
    return [kinds[_KINDS[number % len(_KINDS)]](options, number) for number in range(options.devices)]


class Climate(Node):
    """Temperature, motion, a relay, a set point, a button that restarts it."""

    kind = "climate"
    _relay, _set_point, _celsius = False, 21.0, 20.5

    def announced(self) -> list[Publish]:
        """See Node."""
        return [
            self.entity("sensor", "temperature", dev_cla="temperature", unit_of_meas="°C", stat_cla="measurement"),
            self.entity("sensor", "wifi_signal", dev_cla="signal_strength", unit_of_meas="dBm", ent_cat="diagnostic"),
            self.entity("binary_sensor", "motion", dev_cla="motion"),
            self.entity("switch", "relay"),
            self.entity("number", "set_point", min=5, max=30, step=0.5, unit_of_meas="°C"),
            self.entity("button", "restart", ent_cat="config"),
        ]

    def states(self) -> list[Action]:
        """See Node."""
        return [
            self.state("switch/relay", "ON" if self._relay else "OFF"),
            self.state("number/set_point", f"{self._set_point:.2f}"),
        ]

    def measured(self) -> list[Action]:
        """See Node."""
        self._celsius += (self._set_point - self._celsius) * 0.01 + self.rng.gauss(0, 0.05)
        return [
            self.state("sensor/temperature", f"{self._celsius:.1f}"),
            self.state("sensor/wifi_signal", str(-55 - self.rng.randrange(10))),
            self.state("binary_sensor/motion", self.rng.choice(("OFF", "OFF", "OFF", "ON"))),
        ]

    def orders(self) -> dict[str, Callable[[str], list[Action]]]:
        """See Node."""
        return {"switch/relay": self._switch, "number/set_point": self._set, "button/restart": self._restart}

    def _switch(self, text: str) -> list[Action]:
        self._relay = not self._relay if text == "TOGGLE" else text == "ON"
        return self.states()[:1]

    def _set(self, text: str) -> list[Action]:
        try:
            self._set_point = min(30.0, max(5.0, float(text)))
        except ValueError:
            return []
        return self.states()[1:]

    def _restart(self, _text: str) -> list[Action]:
        self.plan.at(self.now_s + 0.3, lambda: [Leave(5)])
        return []


class Lamp(Node):
    """A light of the schema json."""

    kind = "lamp"

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        super().__init__(options, number)
        self._light: dict[str, Any] = {
            "state": "OFF",
            "brightness": 128,
            "color_mode": "rgb",
            "color": {"r": 255, "g": 140, "b": 0},
        }

    def announced(self) -> list[Publish]:
        """See Node."""
        return [self.entity("light", "lamp", schema="json", brightness=True, sup_clrm=["rgb"])]

    def states(self) -> list[Action]:
        """See Node."""
        return [self.state("light/lamp", as_json(self._light).decode())]

    def orders(self) -> dict[str, Callable[[str], list[Action]]]:
        """See Node."""
        return {"light/lamp": self._set}

    def _set(self, text: str) -> list[Action]:
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError):
            return []
        known = {name: one for name, one in wanted.items() if name in self._light} if isinstance(wanted, dict) else {}
        self._light |= known
        return self.states()


class Blind(Node):
    """A cover with a position."""

    kind = "blind"
    _position, _target = 100, 100

    def announced(self) -> list[Publish]:
        """See Node."""
        stem = f"{self.name}/cover/blind/position"
        return [self.entity("cover", "blind", pos_t=f"{stem}/state", set_pos_t=f"{stem}/command")]

    def states(self) -> list[Action]:
        """See Node."""
        way = self._target - self._position
        word = "opening" if way > 0 else "closing" if way < 0 else "open" if self._position else "closed"
        return [self.state("cover/blind", word), self.state("cover/blind/position", str(self._position))]

    def orders(self) -> dict[str, Callable[[str], list[Action]]]:
        """See Node."""
        return {
            "cover/blind": self._told,
            "cover/blind/position": lambda text: self._go(int(text)) if text.isdecimal() else [],
        }

    def _told(self, text: str) -> list[Action]:
        target = {"OPEN": 100, "CLOSE": 0, "STOP": self._position}.get(text)
        return [] if target is None else self._go(target)

    def _go(self, target: int) -> list[Action]:
        self._target = min(100, max(0, target))
        self.plan.clear()
        self.plan.at(self.now_s + _STEP_S, self._move)
        return self.states()

    def _move(self) -> list[Action]:
        self._position += max(-5, min(5, self._target - self._position))
        if self._position != self._target:
            self.plan.at(self.now_s + _STEP_S, self._move)
        return self.states()


class Plant(Node):
    """A monitor of the device form: all of it in one message, one object as state, templates."""

    kind = "plant"
    _pump, _dose, _moisture = False, 25, 41.0

    def announced(self) -> list[Publish]:
        """See Node."""
        stem = f"{self.name}/switch/pump"
        components = {
            "t": {"p": "sensor", "uniq_id": f"{self.name}_t", "name": "Temperature", "dev_cla": "temperature",
                  "unit_of_meas": "°C", "val_tpl": "{{ value_json.temperature }}"},
            "m": {"p": "sensor", "uniq_id": f"{self.name}_m", "name": "Soil moisture", "dev_cla": "moisture",
                  "unit_of_meas": "%", "val_tpl": "{{ value_json.soil.moisture | float(0) | round(1) }}"},
            "leak": {"p": "binary_sensor", "uniq_id": f"{self.name}_leak", "name": "Leak", "dev_cla": "moisture",
                     "val_tpl": "{% if value_json.leak %}ON{% else %}OFF{% endif %}"},
            "pump": {"p": "switch", "uniq_id": f"{self.name}_pump", "name": "Pump", "stat_t": f"{stem}/state",
                     "cmd_t": f"{stem}/command"},
            "dose": {"p": "number", "uniq_id": f"{self.name}_dose", "name": "Dose", "min": 5, "max": 250, "step": 5,
                     "unit_of_meas": "mL", "stat_t": "~/number/dose/state", "cmd_t": "~/number/dose/command",
                     "cmd_tpl": '{"dose": {{ value | int }}}'},
        }  # fmt: skip
        config = {
            "dev": {"ids": [self.name], "name": f"Plant {self.name[-3:]}", "mf": "Example Co", "mdl": "PM-2"},
            "o": {"name": "plantd", "sw": "1.4.0"}, "cmps": components, "~": self.name, "stat_t": "~/state",
            "avty_t": "~/status", "qos": 1,
        }  # fmt: skip
        return [Publish(f"{PREFIX}/device/{self.name}/config", as_json(config), retain=True)]

    def states(self) -> list[Action]:
        """See Node."""
        return [
            self.state("switch/pump", "ON" if self._pump else "OFF"),
            self.state("number/dose", str(self._dose)),
        ]

    def measured(self) -> list[Action]:
        """See Node."""
        self._moisture = min(90.0, max(5.0, self._moisture + (0.5 if self._pump else -0.05)))
        value = {
            "temperature": round(self.rng.uniform(18, 22), 1), "soil": {"moisture": round(self._moisture, 3)},
            "leak": self._moisture > 80,
        }  # fmt: skip
        return [Publish(f"{self.name}/state", as_json(value))]

    def orders(self) -> dict[str, Callable[[str], list[Action]]]:
        """See Node."""
        return {"switch/pump": self._switch, "number/dose": self._set}

    def _switch(self, text: str) -> list[Action]:
        self._pump = text == "ON"
        return self.states()[:1]

    def _set(self, text: str) -> list[Action]:
        try:
            self._dose = int(json.loads(text)["dose"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return []
        return self.states()[1:]
