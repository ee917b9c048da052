"""A simulated device that announces itself to Home Assistant as ESPHome's nodes do. Its kinds: homeassistant.py."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Publish
from mqtt_gateway.simulator.options import SimulatorOptions
from mqtt_gateway.simulator.planned import Plan

PREFIX: Final = "homeassistant"


class Node(ABC):
    """One device, as ESPHome announces itself.

    Args:
        options: of the simulation.
        number: from 0.
    """

    kind = ""

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        self.mac = f"a0b1c2{number:06x}"
        self.name = f"{self.kind}-{number + 1:03}"
        self.rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self.plan, self.now_s = Plan(), 0.0
        self._interval_s, self._next_s = 1 / options.rate, 0.0
        self.filters = [f"{self.name}/+/+/command", f"{self.name}/+/+/+/command"]
        self.will = Publish(f"{self.name}/status", b"offline", retain=True)

    # ------------------------------------------------------------------------------------------ what kinds say

    @abstractmethod
    def announced(self) -> list[Publish]:
        """The discovery messages."""

    @abstractmethod
    def states(self) -> list[Action]:
        """All that can be told."""

    def measured(self) -> list[Action]:
        """The sensors' values."""
        return []

    def orders(self) -> dict[str, Callable[[str], list[Action]]]:
        """What is obeyed, by the topic between the node's name and ``command``."""
        return {}

    # --------------------------------------------------------------------------------------------- the client

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return min(self._next_s, self.plan.due_s)

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self.now_s, self._next_s = now_s, now_s + self.rng.random() * self._interval_s
        online = Publish(f"{self.name}/status", b"online", retain=True)
        return [*self.announced(), online, *self.states()]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self.now_s = now_s
        actions = self.plan.take(now_s)
        if now_s >= self._next_s:
            self._next_s = max(self._next_s + self._interval_s, now_s)
            actions += self.measured()
        return actions

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        self.now_s = now_s
        what = topic.removeprefix(f"{self.name}/").removesuffix("/command")
        obey = self.orders().get(what)
        return obey(payload.decode(errors="replace")) if obey else []

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def entity(self, component: str, name: str, **options: Any) -> Publish:
        """The discovery message of one entity, with short keys."""
        stem = f"{self.name}/{component}/{name}"
        topics = {"stat_t": f"{stem}/state"} if component != "button" else {}
        if component not in ("sensor", "binary_sensor"):
            topics["cmd_t"] = f"{stem}/command"
        device = {
            "ids": self.mac, "name": self.name.capitalize(), "sw": "2026.11.0", "mdl": "esp32dev", "mf": "Espressif",
            "cns": [["mac", self.mac]],
        }  # fmt: skip
        config = {
            "name": name.replace("_", " ").capitalize(), "uniq_id": f"ESP{component}{name}", **topics,
            "avty_t": f"{self.name}/status", **options, "dev": device,
        }  # fmt: skip
        return Publish(f"{PREFIX}/{component}/{self.name}/{name}/config", as_json(config), retain=True)

    def state(self, what: str, text: str, *, retain: bool = True) -> Publish:
        """The state of ``component/name``."""
        return Publish(f"{self.name}/{what}/state", text.encode(), qos=0, retain=retain)


def as_json(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
