"""Simulated Shellys: plugs and covers of Gen2, a sensor that sleeps, a plug of Gen1 (shelly-api-docs.shelly.cloud)."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from mqtt_gateway.simulator.client import Action, Leave, Publish
from mqtt_gateway.simulator.dialects.shelly_gen1 import Gen1Plug
from mqtt_gateway.simulator.options import SimulatorOptions
from mqtt_gateway.simulator.planned import Plan

_KINDS: Final = ("plug", "cover", "sensor", "gen1")
_MODELS: Final = {
    "plug": ("plus1pm", "SNSW-001P16EU"),
    "cover": ("2pmg3", "S3SW-002P16EU"),
    "sensor": ("htg3", "S3SN-0U12A"),
}
_NAMES: Final = {"plug": "Office light", "cover": "Blind", "sensor": "Bath climate"}
_AWAKE_S: Final = 6.0  # long enough to be asked what it is
_ASLEEP_S: Final = 30
_STEP_S: Final = 0.5  # and 5 % of a cover's way
_NOT_FOUND: Final = 404


def clients(options: SimulatorOptions) -> list["Gen2Client | Gen1Plug"]:
    """As many devices as are asked for, of each kind in turn."""
    return [_client(options, number) for number in range(options.devices)]


def _client(options: SimulatorOptions, number: int) -> "Gen2Client | Gen1Plug":
    kind, mac = _KINDS[number % len(_KINDS)], f"a8032ab{number:05x}"
    rng = Random(f"{options.seed}:{mac}") if options.seed is not None else Random()
    return Gen1Plug(mac, rng, 1 / options.rate) if kind == "gen1" else Gen2Client(kind, mac, rng, 1 / options.rate)


class Gen2Client:
    """One device of Gen2 or later.

    Args:
        kind: plug, cover, or a sensor that sleeps.
        mac: its address.
        rng: its chance.
        interval_s: between two reports.
    """

    def __init__(self, kind: str, mac: str, rng: Random, interval_s: float) -> None:
        model, self._model = _MODELS[kind]
        self.kind, self.mac, self.name = kind, mac, f"shelly{model}-{mac}"
        self._rng, self._interval_s, self._next_s, self._now_s = rng, interval_s, 0.0, 0.0
        self._plan = Plan()
        self.filters = [f"{self.name}/rpc", f"{self.name}/command", f"{self.name}/command/+"]
        self.will = Publish(f"{self.name}/online", b"false")
        self._on, self._energy_wh = False, rng.uniform(10, 5_000)
        self._position, self._target = 100, 100

    # -------------------------------------------------------------------------------------------------- by time

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return min(self._next_s, self._plan.due_s)

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s, self._next_s = now_s, now_s + self._interval_s
        if self.kind == "sensor":
            self._plan.at(now_s + _AWAKE_S, lambda: [Leave(_ASLEEP_S)])
        return [Publish(f"{self.name}/online", b"true"), self._notify("NotifyFullStatus", self._status())]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        passed_s, self._now_s = max(0.0, now_s - self._now_s), now_s
        self._energy_wh += self._watts() * passed_s / 3_600
        actions = self._plan.take(now_s)
        if now_s >= self._next_s:
            self._next_s = max(self._next_s + self._interval_s, now_s)
            if self.kind != "sensor":
                actions.append(self._notify("NotifyStatus", self._measured()))
        return actions

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def _watts(self) -> float:
        return 41.0 if self._on else 0.0

    # ------------------------------------------------------------------------------------------- what it says

    def _measured(self) -> dict[str, Any]:
        watts = round(self._watts() * self._rng.uniform(0.98, 1.02), 1)
        voltage = round(self._rng.uniform(229, 232), 1)
        energy = {"total": round(self._energy_wh, 3), "by_minute": [0.0, 0.0, 0.0], "minute_ts": int(self._now_s)}
        meter = {"apower": watts, "voltage": voltage, "current": round(watts / 230, 3), "aenergy": energy}
        return {f"{'cover' if self.kind == 'cover' else 'switch'}:0": {"id": 0, **meter}}

    def _status(self) -> dict[str, Any]:
        system = {"mac": self.mac.upper(), "restart_required": False, "unixtime": int(self._now_s), "uptime": 2}
        wifi = {"sta_ip": "192.0.2.52", "status": "got ip", "ssid": "home", "rssi": -60 - self._rng.randrange(8)}
        common = {"mqtt": {"connected": True}, "wifi": wifi}
        if self.kind == "sensor":
            celsius = round(self._rng.uniform(19, 23), 1)
            return {
                **common, "sys": {**system, "wakeup_period": _ASLEEP_S},
                "temperature:0": {"id": 0, "tC": celsius, "tF": round(celsius * 1.8 + 32, 1)},
                "humidity:0": {"id": 0, "rh": round(self._rng.uniform(40, 60), 1)},
                "devicepower:0": {"id": 0, "battery": {"V": 6.1, "percent": 97}, "external": {"present": False}},
            }  # fmt: skip
        ((key, meter),) = self._measured().items()
        what = self._cover() if self.kind == "cover" else {"output": self._on, "source": "init"}
        return {**common, "sys": system, key: {**meter, **what}}

    def _cover(self) -> dict[str, Any]:
        way = self._target - self._position
        state = "opening" if way > 0 else "closing" if way < 0 else "stopped"
        return {"id": 0, "state": state, "current_pos": self._position, "pos_control": True}

    def _notify(self, method: str, components: dict[str, Any]) -> Publish:
        params = {"ts": round(self._now_s, 2), **components}
        frame = {"src": self.name, "dst": f"{self.name}/events", "method": method, "params": params}
        return Publish(f"{self.name}/events/rpc", _json(frame), qos=1)

    # ------------------------------------------------------------------------------------------- what it obeys

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s = now_s
        if topic == f"{self.name}/rpc":
            return self._request(payload)
        text = payload.decode(errors="replace")
        if topic == f"{self.name}/command":
            return [self._notify("NotifyFullStatus", self._status())] if text == "status_update" else []
        return self._control(text)

    def _request(self, payload: bytes) -> list[Action]:
        try:
            frame = json.loads(payload)
            method, source, request_id = frame["method"], str(frame["src"]), frame["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return []
        params = frame.get("params") if isinstance(frame.get("params"), dict) else {}
        call = self._methods().get(method)
        answer: dict[str, Any] = {"id": request_id, "src": self.name, "dst": source}
        if call is None:
            answer["error"] = {"code": _NOT_FOUND, "message": f"No handler for {method}"}
            return [Publish(f"{source}/rpc", _json(answer))]
        result, actions = call(params)
        return [Publish(f"{source}/rpc", _json({**answer, "result": result})), *actions]

    def _methods(self) -> dict[str, Callable[[dict[str, Any]], tuple[Any, list[Action]]]]:
        common: dict[str, Callable[[dict[str, Any]], tuple[Any, list[Action]]]] = {
            "Shelly.GetDeviceInfo": lambda _params: (self._info(), []),
            "Shelly.GetConfig": lambda _params: (self._config(), []),
            "Shelly.GetStatus": lambda _params: (self._status(), []),
            "Shelly.Reboot": lambda _params: (None, self._reboot()),
        }
        if self.kind == "plug":
            common["Switch.Set"] = lambda params: ({"was_on": self._on}, self._switch(params.get("on") is True))
            common["Switch.Toggle"] = lambda _params: ({"was_on": self._on}, self._switch(not self._on))
        if self.kind == "cover":
            common["Cover.GoToPosition"] = lambda params: (None, self._go_to(params.get("pos")))
            common["Cover.Open"] = lambda _params: (None, self._go_to(100))
            common["Cover.Close"] = lambda _params: (None, self._go_to(0))
            common["Cover.Stop"] = lambda _params: (None, self._go_to(self._position))
        return common

    def _control(self, text: str) -> list[Action]:
        if self.kind == "plug" and text in {"on", "off", "toggle"}:
            return self._switch(not self._on if text == "toggle" else text == "on")
        positions = {"open": 100, "close": 0, "stop": self._position}
        return self._go_to(positions.get(text)) if self.kind == "cover" else []

    def _info(self) -> dict[str, Any]:
        return {
            "name": _NAMES[self.kind], "id": self.name, "mac": self.mac.upper(), "slot": 0, "model": self._model,
            "gen": 2, "fw_id": "20260120-145239/1.7.4-gf9878b6", "ver": "1.7.4", "auth_en": False, "auth_domain": None,
        }  # fmt: skip

    def _config(self) -> dict[str, Any]:
        component = {"plug": "switch:0", "cover": "cover:0", "sensor": "temperature:0"}[self.kind]
        return {component: {"id": 0, "name": _NAMES[self.kind]}, "sys": {"device": {"name": _NAMES[self.kind]}}}

    def _switch(self, on: bool) -> list[Action]:
        self._on = on
        return [self._notify("NotifyStatus", {"switch:0": {"id": 0, "output": on, "source": "MQTT"}})]

    def _go_to(self, position: Any) -> list[Action]:
        if isinstance(position, bool) or not isinstance(position, int | float):
            return []
        self._target = min(100, max(0, round(position)))
        self._plan.clear()
        self._plan.at(self._now_s + _STEP_S, self._move)
        return []

    def _move(self) -> list[Action]:
        self._position += max(-5, min(5, self._target - self._position))
        if self._position != self._target:
            self._plan.at(self._now_s + _STEP_S, self._move)
        return [self._notify("NotifyStatus", {"cover:0": self._cover()})]

    def _reboot(self) -> list[Action]:
        self._plan.at(self._now_s + 0.5, lambda: [Leave(5)])
        return []


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
