"""What one simulated device does and says. Pure: time, chance and packets are passed in, packets come out.

::

    connected ──> status online, state
    tick      ──> telemetry, now and then an event, now and then it drops off
    command   ──> ack accepted … ack done | rejected | failed   (a repeated id: the same last answer, no second effect)
    desired   ──> takes over what it knows ──> state
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from msgspec import Struct

from mqtt_gateway.simulator.client import Leave
from mqtt_gateway.simulator.kinds import Kind

_REMEMBERED: Final = 64  # commands, to tell repeats by their id; the oldest is forgotten
_EVENT_EVERY_S: Final = 180  # on average
_DROP_EVERY_S: Final = 1_200  # on average
_SHORTEST_INTERVAL_S: Final = 0.001


class Say(Struct, frozen=True):
    """Publish ``{root}/{site}/{device}/{suffix}``, QoS 1."""

    suffix: str
    payload: bytes
    retain: bool = False


Action = Say | Leave


class SimulatedDevice:
    """One device.

    Args:
        name: its level in the topic.
        kind: its physics.
        rng: its chance.
        interval_s: between two telemetry messages.
    """

    def __init__(self, name: str, kind: Kind, rng: Random, interval_s: float) -> None:
        self.name, self._kind, self._rng = name, kind, rng
        self._measured_at_s: float | None = None
        self._next_s = 0.0
        self._later: list[tuple[float, int, tuple[Action, ...]]] = []  # heap: due, tie-breaker, what
        self._planned = 0
        self._answers: OrderedDict[str, bytes] = OrderedDict()  # command id → last ack
        self._state: dict[str, Any] = {
            "model": kind.name,
            "firmware": f"{rng.randint(1, 3)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}",
            "led": False,
            "interval_s": round(interval_s, 3),
            "commands": {name: {} for name in sorted(self._commands())} | {"set_led": {"on": True}},
        }
        if kind.target:
            self._state["target"] = kind.set_point
            self._state["commands"]["set_target"] = {"value": kind.set_point}

    # ---------------------------------------------------------------------------------------------- by time

    @property
    def due_s(self) -> float:
        """When :meth:`tick` wants to be called, in Unix seconds."""
        return min(self._next_s, self._later[0][0]) if self._later else self._next_s

    def connected(self, now_s: float) -> list[Action]:
        """The birth; telemetry starts anywhere within the next interval."""
        self._measured_at_s = self._measured_at_s or now_s
        self._next_s = now_s + self._rng.random() * self._state["interval_s"]
        return [Say("status", b"online", retain=True), self._report(self._state)]

    def tick(self, now_s: float) -> list[Action]:
        """What is due at ``now_s``."""
        actions: list[Action] = []
        while self._later and self._later[0][0] <= now_s:
            actions += self._saying(heappop(self._later)[2])
        if now_s < self._next_s:
            return actions
        dt_s = max(0.0, now_s - (self._measured_at_s or now_s))
        self._measured_at_s = now_s
        # In step with its own clock, but it does not catch up on what it slept through.
        self._next_s = max(self._next_s + self._state["interval_s"], now_s)
        return [*actions, Say("telemetry", _json(self._kind.measure(now_s, dt_s))), *self._by_chance(dt_s)]

    def _by_chance(self, dt_s: float) -> list[Action]:
        if self._rng.random() < dt_s / _EVENT_EVERY_S:
            event = self._rng.choice(self._kind.events)
            return [Say(f"event/{event}", _json(self._kind.event_data(event)))]
        if self._rng.random() < dt_s / _DROP_EVERY_S:
            return [Leave(self._rng.uniform(5, 30))]
        return []

    def _plan(self, at_s: float, *actions: Action) -> None:
        self._planned += 1
        heappush(self._later, (at_s, self._planned, actions))

    # --------------------------------------------------------------------------------------------- commands

    def command(self, command_id: str, name: str, payload: bytes, now_s: float) -> list[Action]:
        """Obey, or say why not. Safe to repeat."""
        if command_id in self._answers:
            return [Say(f"ack/{command_id}", self._answers[command_id])]
        return self._saying(self._obey(command_id, name, payload, now_s))

    def _obey(self, command_id: str, name: str, payload: bytes, now_s: float) -> list[Action]:
        obey = self._commands().get(name)
        arguments = _arguments(payload)
        if obey is None:
            return [_ack(command_id, "rejected", reason=f"unknown command {name}")]
        if arguments is None:
            return [_ack(command_id, "rejected", reason="arguments are no JSON object")]
        outcome = obey(command_id, arguments, now_s)
        if isinstance(outcome, str):
            return [_ack(command_id, "rejected", reason=outcome)]
        return [_ack(command_id, "accepted"), *outcome]

    def _saying(self, actions: Iterable[Action]) -> list[Action]:
        """Remember the acks among them: the last one answers a repeated command."""
        said = list(actions)
        for action in said:
            if isinstance(action, Say) and action.suffix.startswith("ack/"):
                self._answers[action.suffix.removeprefix("ack/")] = action.payload
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return said

    def _commands(self) -> dict[str, Callable[[str, dict[str, Any], float], str | list[Action]]]:
        """Name → what to do at once (later things are planned), or why not."""
        common = {"identify": self._identify, "set_led": self._set_led, "reboot": self._reboot}
        special = {"set_target": self._set_target} if self._kind.target else {"self_test": self._self_test}
        return {**common, **special}

    def _identify(self, command_id: str, _arguments: dict[str, Any], now_s: float) -> list[Action]:
        led = self._state["led"]
        self._plan(now_s + 1.5, self._report({"led": led}), _ack(command_id, "done", result={"blinked": 3}))
        return [self._report({"led": not led})]

    def _set_led(self, command_id: str, arguments: dict[str, Any], now_s: float) -> str | list[Action]:
        if not isinstance(on := arguments.get("on"), bool):
            return "'on' must be true or false"
        self._state["led"] = on
        self._plan(now_s + 0.15, self._report({"led": on}), _ack(command_id, "done", result={"on": on}))
        return []

    def _set_target(self, command_id: str, arguments: dict[str, Any], now_s: float) -> str | list[Action]:
        if refusal := self._take_target(arguments.get("value")):
            return refusal
        value = self._kind.set_point
        report = self._report({"target": value})
        self._plan(now_s + 0.3, report, _ack(command_id, "done", result={"target": value}))
        return []

    def _take_target(self, value: Any) -> str:
        """Set the target, or say why not."""
        assert self._kind.target is not None
        _, low, high = self._kind.target
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "'value' must be a number"
        if not low <= value <= high:
            return f"{value} is not within {low} and {high}"
        self._kind.set_point = self._state["target"] = float(value)
        return ""

    def _reboot(self, command_id: str, _arguments: dict[str, Any], now_s: float) -> list[Action]:
        away_s = self._rng.uniform(4, 8)
        self._plan(now_s + 0.4, Leave(away_s))
        self._plan(now_s + away_s + 1, _ack(command_id, "done", result={"uptime_s": 1}))
        return []

    def _self_test(self, command_id: str, _arguments: dict[str, Any], now_s: float) -> list[Action]:
        """Takes a while, and one in six fails."""
        passed = self._rng.random() > 1 / 6
        outcome = {"result": {"passed": True}} if passed else {"reason": "sensor reading is unstable"}
        self._plan(now_s + self._rng.uniform(2, 5), _ack(command_id, "done" if passed else "failed", **outcome))
        return []

    # --------------------------------------------------------------------------------------- desired state

    def desired(self, payload: bytes) -> list[Action]:
        """Take over what it knows and can do; report what it has then."""
        delta = (_arguments(payload) or {}).get("delta")
        if not isinstance(delta, dict):
            return []
        if isinstance(delta.get("led"), bool):
            self._state["led"] = delta["led"]
        if self._kind.target and "target" in delta:
            self._take_target(delta["target"])
        interval_s = delta.get("interval_s")
        if isinstance(interval_s, int | float) and not isinstance(interval_s, bool):
            self._state["interval_s"] = min(3600.0, max(_SHORTEST_INTERVAL_S, interval_s))
        known = {name: self._state[name] for name in delta if name in self._state}
        return [self._report(known)] if known else []

    def _report(self, state: dict[str, Any]) -> Say:
        return Say("state", _json(state))


def _ack(command_id: str, status: str, **fields: Any) -> Say:
    return Say(f"ack/{command_id}", _json({"status": status, **fields}))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _arguments(payload: bytes) -> dict[str, Any] | None:
    """The JSON object in a payload (empty: an empty one), or None."""
    try:
        value = json.loads(payload or b"{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
