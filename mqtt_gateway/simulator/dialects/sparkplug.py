"""Simulated Sparkplug B edge nodes, each with two motors behind it (sparkplug.eclipse.org).

connect   NBIRTH, and DBIRTH of each motor: names, aliases, datatypes, units
tick      NDATA or DDATA by alias, seq goes on over all of them
NCMD      Node Control/Rebirth: all births again
DCMD      Run, Setpoint: the value, in DDATA
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from bridge.dialects.forms.protobuf import (
    WireError,
    as_bytes,
    as_double,
    as_int,
    as_text,
    bytes_field,
    double_field,
    fields,
    number_field,
)
from mqtt_gateway.simulator.client import Action, Publish
from mqtt_gateway.simulator.options import SimulatorOptions

_GROUP: Final = "works"
_MOTORS: Final = ("motor A", "motor B")
_UINT64, _DOUBLE, _BOOLEAN, _STRING = 8, 10, 11, 12
_REBIRTH: Final = "Node Control/Rebirth"


def clients(options: SimulatorOptions) -> list["EdgeNode"]:
    """As many edge nodes as are asked for."""
    return [EdgeNode(options, number) for number in range(options.devices)]


def _metric(
    name: str, datatype: int, value: float | str, now_ms: int, alias: int = 0, unit: str = "", high: float = 0
) -> bytes:
    head = bytes_field(1, name.encode()) if name else b""
    head += (number_field(2, alias) if alias else b"") + number_field(3, now_ms)
    head += number_field(4, datatype) if name else b""
    if unit:
        head += bytes_field(9, _properties(unit, high))
    if isinstance(value, str):
        return head + bytes_field(15, value.encode())
    if datatype == _UINT64:
        return head + number_field(11, int(value))
    return head + (number_field(14, int(value)) if datatype == _BOOLEAN else double_field(13, value))


def _properties(unit: str, high: float) -> bytes:
    """A property set: the unit, and a range from 0; what has none is not writable."""
    found = [("engUnit", number_field(1, _STRING) + bytes_field(8, unit.encode()))]
    if high:
        found.append(("engLow", number_field(1, _DOUBLE) + double_field(6, 0.0)))
        found.append(("engHigh", number_field(1, _DOUBLE) + double_field(6, high)))
    else:
        found.append(("readOnly", number_field(1, _BOOLEAN) + number_field(7, 1)))
    names = b"".join(bytes_field(1, name.encode()) for name, _ in found)
    return names + b"".join(bytes_field(2, value) for _, value in found)


class _Motor:
    def __init__(self, number: int, rng: Random) -> None:
        self.name, self.first_alias = _MOTORS[number], 10 * (number + 1)
        self.run, self.setpoint, self._rng = True, 1500.0, rng

    def values(self) -> Iterator[tuple[str, int, float, int, str, float]]:
        """Name, datatype, value, alias, unit, the highest that may be set."""
        speed = self.setpoint + self._rng.gauss(0, 5) if self.run else 0.0
        yield "Speed", _DOUBLE, round(speed, 1), self.first_alias, "rpm", 0
        yield "Setpoint", _DOUBLE, self.setpoint, self.first_alias + 1, "rpm", 3_000
        yield "Run", _BOOLEAN, self.run, self.first_alias + 2, "", 0


class EdgeNode:
    """One edge node.

    Args:
        options: of the simulation.
        number: from 0.
    """

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        self.name = f"line-{number}"
        self._rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self._interval_s, self._next_s = 1 / options.rate, 0.0
        self._motors = [_Motor(one, self._rng) for one in range(len(_MOTORS))]
        self._seq, self._turn, self._voltage = -1, 0, 24.0
        self.filters = [f"spBv1.0/{_GROUP}/NCMD/{self.name}", f"spBv1.0/{_GROUP}/DCMD/{self.name}/+"]
        self.will = Publish(self._topic("NDEATH"), bytes_field(2, _metric("bdSeq", _UINT64, 0, 0)))

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return self._next_s

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._next_s = now_s + self._rng.random() * self._interval_s
        return self._births(round(now_s * 1000))

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        if now_s < self._next_s:
            return []
        self._next_s, now_ms = max(self._next_s + self._interval_s, now_s), round(now_s * 1000)
        self._turn = (self._turn + 1) % (1 + len(self._motors))
        if self._turn:
            return [self._data(self._motors[self._turn - 1], now_ms)]
        self._voltage = round(24 + self._rng.gauss(0, 0.05), 3)
        return [self._message("NDATA", now_ms, [_metric("", _DOUBLE, self._voltage, now_ms, 1)])]

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        now_ms, device = round(now_s * 1000), topic.split("/")[4:]
        actions: list[Action] = []
        for name, value in _commands(payload):
            if not device and name == _REBIRTH and value:
                return self._births(now_ms)
            for motor in self._motors:
                if [motor.name] == device and name in ("Run", "Setpoint"):
                    setattr(motor, name.lower(), bool(value) if name == "Run" else float(value))
                    actions.append(self._data(motor, now_ms))
        return actions

    def _births(self, now_ms: int) -> list[Action]:
        self._seq = -1
        node = [
            _metric("bdSeq", _UINT64, 0, now_ms),
            _metric(_REBIRTH, _BOOLEAN, value=False, now_ms=now_ms),
            _metric("Properties/Hardware Make", _STRING, "Causeway simulator", now_ms),
            _metric("Supply Voltage", _DOUBLE, self._voltage, now_ms, 1, "V"),
        ]
        births = [self._message("NBIRTH", now_ms, node)]
        for motor in self._motors:
            metrics = [
                _metric(name, kind, value, now_ms, alias, unit, high)
                for name, kind, value, alias, unit, high in motor.values()
            ]
            births.append(self._message("DBIRTH", now_ms, metrics, motor.name))
        return [*births]

    def _data(self, motor: _Motor, now_ms: int) -> Publish:
        metrics = [_metric("", kind, value, now_ms, alias) for _, kind, value, alias, *_ in motor.values()]
        return self._message("DDATA", now_ms, metrics, motor.name)

    def _message(self, kind: str, now_ms: int, metrics: list[bytes], device: str = "") -> Publish:
        self._seq = (self._seq + 1) % 256
        body = number_field(1, now_ms) + b"".join(bytes_field(2, one) for one in metrics)
        return Publish(self._topic(kind, device), body + number_field(3, self._seq), qos=0)

    def _topic(self, kind: str, device: str = "") -> str:
        return f"spBv1.0/{_GROUP}/{kind}/{self.name}" + (f"/{device}" if device else "")


def _commands(payload: bytes) -> Iterator[tuple[str, float]]:
    """Names and values of a command."""
    try:
        for number, metric in fields(payload):
            if number == 2:
                found = dict(fields(as_bytes(metric)))
                yield as_text(found.get(1, b"")), as_double(found[13]) if 13 in found else as_int(found.get(14, 0))
    except WireError:
        return
