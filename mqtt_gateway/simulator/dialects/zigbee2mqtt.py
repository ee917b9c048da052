"""A simulated Zigbee2MQTT 2.x: one client speaks for a bridge and all devices of its network (zigbee2mqtt.io).

connect   bridge/state, info, devices, groups; availability of each device; what is remembered of each
tick      a device reports: its whole state, last_seen; now and then a button is pressed
set, get  the state as it is then; what can't be is an error in bridge/logging
request   bridge/response/…, with its transaction
"""

import json
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Leave, Publish
from mqtt_gateway.simulator.options import SimulatorOptions
from mqtt_gateway.simulator.planned import Plan

_BASE: Final = "zigbee2mqtt"
_KINDS: Final = ("lamp", "plug", "thermostat", "climate", "remote")
_MODELS: Final = {
    "lamp": ("Philips", "9290012573A", "Mains (single phase)"),
    "plug": ("Tuya", "TS011F", "Mains (single phase)"),
    "thermostat": ("Danfoss", "014G2461", "Battery"),
    "climate": ("Aqara", "WSDCGQ11LM", "Battery"),
    "remote": ("SONOFF", "SNZB-01", "Battery"),
}
_ROOMS: Final = ("living", "kitchen", "bath", "hall", "attic")
_ONLINE, _OFFLINE = b'{"state":"online"}', b'{"state":"offline"}'
_PRESSED_EVERY: Final = 20  # messages of a remote, on average


def clients(options: SimulatorOptions) -> list["BridgeClient"]:
    """One bridge, with as many devices as are asked for."""
    return [BridgeClient(options)]


def _numeric(name: str, access: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "numeric", "name": name, "property": name, "label": name.capitalize(), "access": access, **more}


def _binary(name: str, access: int, on: Any, off: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "binary", "name": name, "property": name, "label": name.capitalize(), "access": access,
        "value_on": on, "value_off": off, **more,
    }  # fmt: skip


def _enum(name: str, access: int, *values: str) -> dict[str, Any]:
    return {"type": "enum", "name": name, "property": name, "label": name, "access": access, "values": list(values)}


_STATE: Final = _binary("state", 7, "ON", "OFF", value_toggle="TOGGLE")
_BATTERY: Final = _numeric("battery", unit="%", value_min=0, value_max=100)
_LINK: Final = _numeric("linkquality", unit="lqi", value_min=0, value_max=255)
_EXPOSES: Final[dict[str, list[dict[str, Any]]]] = {
    "lamp": [
        {"type": "light", "features": [
            _STATE, _numeric("brightness", 7, value_min=0, value_max=254),
            _numeric("color_temp", 7, value_min=153, value_max=500, unit="mired"),
        ]},
        _enum("effect", 2, "blink", "breathe", "okay"), _LINK,
    ],
    "plug": [
        {"type": "switch", "features": [_STATE]}, _numeric("power", 5, unit="W"), _numeric("energy", unit="kWh"), _LINK,
    ],
    "thermostat": [
        {"type": "climate", "features": [
            _numeric("occupied_heating_setpoint", 7, unit="°C", value_min=5, value_max=30, value_step=0.5),
            _numeric("local_temperature", 5, unit="°C"), _enum("system_mode", 7, "off", "auto", "heat"),
        ]},
        _binary("child_lock", 3, "LOCK", "UNLOCK"), _BATTERY, _LINK,
    ],
    "climate": [_BATTERY, _numeric("temperature", unit="°C"), _numeric("humidity", unit="%"), _LINK],
    "remote": [_enum("action", 1, "single", "double", "hold"), _BATTERY, _LINK],
}  # fmt: skip
_FIRST: Final[dict[str, dict[str, Any]]] = {
    "lamp": {"state": "OFF", "brightness": 180, "color_temp": 366},
    "plug": {"state": "OFF", "power": 0, "energy": 12.5},
    "thermostat": {"occupied_heating_setpoint": 21, "local_temperature": 20.4, "system_mode": "heat",
                   "child_lock": "UNLOCK", "battery": 80},
    "climate": {"battery": 97, "temperature": 21.5, "humidity": 48.2},
    "remote": {"battery": 88},
}  # fmt: skip


class SimulatedDevice:
    """One device of the network.

    Args:
        number: from 0.
        rng: chance.
    """

    def __init__(self, number: int, rng: Random) -> None:
        self.kind = _KINDS[number % len(_KINDS)]
        self.address = f"0x00158d00{number:08x}"
        room = _ROOMS[number // len(_KINDS) % len(_ROOMS)]
        self.name = f"{room}/{self.kind} {number // (len(_KINDS) * len(_ROOMS)) + 1}"
        self.state: dict[str, Any] = dict(_FIRST[self.kind])
        self._rng = rng

    def listed(self) -> dict[str, Any]:
        """Its entry in ``bridge/devices``."""
        vendor, model, power = _MODELS[self.kind]
        definition = {"model": model, "vendor": vendor, "description": self.kind, "exposes": _EXPOSES[self.kind]}
        return {
            "ieee_address": self.address, "type": "EndDevice" if power == "Battery" else "Router", "supported": True,
            "network_address": int(self.address[-4:], 16), "friendly_name": self.name, "disabled": False,
            "definition": definition, "power_source": power, "model_id": model, "manufacturer": vendor,
            "interviewing": False, "interview_completed": True, "endpoints": {"1": {"clusters": {}, "bindings": []}},
        }  # fmt: skip

    def measure(self) -> None:
        """A little time has passed."""
        self.state["linkquality"] = self._rng.randrange(60, 200)
        for name, spread in (("temperature", 0.1), ("humidity", 0.5), ("local_temperature", 0.1)):
            if name in self.state:
                self.state[name] = round(self.state[name] + self._rng.gauss(0, spread), 2)
        if self.kind == "plug":
            self.state["power"] = round(self._rng.uniform(37, 42), 1) if self.state["state"] == "ON" else 0

    def pressed(self) -> str:
        """What somebody has done with it; empty: nothing."""
        if self.kind != "remote" or self._rng.randrange(_PRESSED_EVERY):
            return ""
        return self._rng.choice(("single", "double", "hold"))

    def set(self, wanted: dict[str, Any]) -> str:
        """Take what can be set; the name of what can't."""
        for name, value in wanted.items():
            feature = next((one for one in _features(self.kind) if one["name"] == name), None)
            if feature is None or not feature["access"] & 2:
                return name
            if feature["access"] & 1:
                toggled = value == "TOGGLE"
                self.state[name] = ("OFF" if self.state.get(name) == "ON" else "ON") if toggled else value
        return ""


class BridgeClient:
    """The bridge's connection.

    Args:
        options: of the simulation; ``devices`` is how many its network has.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self.name = f"{_BASE}-simulated"
        rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self.devices = [SimulatedDevice(number, rng) for number in range(options.devices)]
        self._by_name = {one.name: one for one in self.devices}
        self.filters = [f"{_BASE}/bridge/request/#", f"{_BASE}/+/+/set", f"{_BASE}/+/+/get"]
        self.will = Publish(f"{_BASE}/bridge/state", _OFFLINE, retain=True)
        self._interval_s, self._rng, self._plan, self._now_s = 1 / options.rate, rng, Plan(), 0.0

    # -------------------------------------------------------------------------------------------------- by time

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return self._plan.due_s

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        self._plan.clear()
        for one in self.devices:
            self._plan.at(now_s + self._rng.random() * self._interval_s, partial(self._reported, one))
        devices = [{"ieee_address": "0x00124b0024aa0001", "type": "Coordinator", "friendly_name": "Coordinator"}]
        devices += [one.listed() for one in self.devices]
        return [
            Publish(f"{_BASE}/bridge/state", _ONLINE, retain=True),
            self._bridge("info", self._info(permit_join=False), retain=True),
            self._bridge("devices", devices, retain=True),
            self._bridge("groups", [], retain=True),
            *(Publish(f"{_BASE}/{one.name}/availability", _ONLINE, retain=True) for one in self.devices),
            *(self._state(one) for one in self.devices),
        ]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        return self._plan.take(now_s)

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def _reported(self, one: SimulatedDevice) -> list[Action]:
        self._plan.at(self._now_s + self._interval_s, partial(self._reported, one))
        one.measure()
        pressed = one.pressed()
        return [self._state(one, **({"action": pressed} if pressed else {}))]

    # ------------------------------------------------------------------------------------------- what it says

    def _info(self, *, permit_join: bool) -> dict[str, Any]:
        config = {"advanced": {"last_seen": "ISO_8601", "output": "json"}, "availability": {"enabled": True}}
        coordinator = {"ieee_address": "0x00124b0024aa0001", "type": "EmberZNet"}
        return {"version": "2.12.1", "coordinator": coordinator, "permit_join": permit_join, "config": config}

    def _state(self, one: SimulatedDevice, **more: Any) -> Publish:
        seen = datetime.fromtimestamp(self._now_s, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Publish(f"{_BASE}/{one.name}", _json({**one.state, "last_seen": seen, **more}), qos=0)

    def _bridge(self, what: str, value: Any, *, retain: bool = False) -> Publish:
        return Publish(f"{_BASE}/bridge/{what}", _json(value), retain=retain)

    # ------------------------------------------------------------------------------------------- what it obeys

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        rest = topic.removeprefix(f"{_BASE}/")
        if rest.startswith("bridge/request/"):
            return self._request(rest.removeprefix("bridge/request/"), _object(payload))
        name, _, what = rest.rpartition("/")
        one = self._by_name.get(name)
        if one is None or what not in ("set", "get"):
            return []
        wrong = one.set(_object(payload)) if what == "set" else ""
        if wrong:
            error = f"z2m: Publish 'set' '{wrong}' to '{one.name}' failed: 'Error: {wrong} can not be set'"
            return [self._bridge("logging", {"level": "error", "message": error, "namespace": "z2m"})]
        return [self._state(one)]

    def _request(self, what: str, asked: dict[str, Any]) -> list[Action]:
        answer: dict[str, Any] = {"data": {}, "status": "ok", "transaction": asked.get("transaction")}
        said: list[Action] = []
        if what == "permit_join":
            answer["data"] = {"time": asked.get("time", 0)}
            said.append(self._bridge("info", self._info(permit_join=bool(asked.get("time"))), retain=True))
        elif what == "health_check":
            answer["data"] = {"healthy": True}
        elif what == "restart":
            self._plan.at(self._now_s + 0.5, lambda: [Leave(5)])
        else:
            answer |= {"status": "error", "error": f"Unknown request {what}"}
        return [*said, self._bridge(f"response/{what}", answer)]


def _features(kind: str) -> list[dict[str, Any]]:
    return [feature for one in _EXPOSES[kind] for feature in one.get("features", [one])]


def _object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
