"""rtl_433: radio sensors that a receiver hears, ``rtl_433/<host>/events`` (github.com/merbanan/rtl_433, output_mqtt.c).

The tree ``devices/…`` says the same once more, a topic a field: it is not read. The source is the receiver; a sensor is
its model, subtype, channel and id, which changes with the battery.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from bridge.descriptions import Description, Property
from bridge.dialects.dialect import (
    Base,
    Command,
    Filter,
    Reading,
    Refused,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.forms.names import key_part, key_part_of
from bridge.dialects.forms.seen import Kind, with_kinds
from bridge.dialects.forms.texts import label
from bridge.json_limits import MalformedError, bare
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    Decoded,
    Described,
    Doubted,
    Malformed,
    RawReading,
    StatusReported,
    Telemetry,
)
from bridge.timestamps import timestamp_ms

_USUAL_BASE: Final = "rtl_433"
_STALE_AFTER_S: Final = 2 * 3_600  # door contacts say that they are there once an hour
_MOST_SENSORS: Final = 500  # of a receiver: false decodes make ids that never were
_IDENTITY: Final = ("model", "subtype", "channel", "id")
_LEFT_OUT: Final = frozenset(
    {*_IDENTITY, "time", "mic", "raw_message", "mod", "freq", "freq1", "freq2", "data", "code", "codes", "protocol"}
)
_WORDS: Final = {b"online": True, b"offline": False}
# End of a name → unit, class, state class.
_SUFFIXES: Final = {
    "_C": ("°C", "temperature", "measurement"),
    "_F": ("°F", "temperature", "measurement"),
    "_hPa": ("hPa", "atmospheric_pressure", "measurement"),
    "_kPa": ("kPa", "pressure", "measurement"),
    "_PSI": ("psi", "pressure", "measurement"),
    "_mm": ("mm", "precipitation", "total_increasing"),
    "_in": ("in", "precipitation", "total_increasing"),
    "_mm_h": ("mm/h", "precipitation_intensity", "measurement"),
    "_m_s": ("m/s", "wind_speed", "measurement"),
    "_km_h": ("km/h", "wind_speed", "measurement"),
    "_mi_h": ("mph", "wind_speed", "measurement"),
    "_dir_deg": ("°", "", "measurement"),
    "_lux": ("lx", "illuminance", "measurement"),
    "_klx": ("klx", "", "measurement"),
    "_W": ("W", "power", "measurement"),
    "_kWh": ("kWh", "energy", "total_increasing"),
    "_V": ("V", "voltage", "measurement"),
    "_mV": ("mV", "voltage", "measurement"),
    "_A": ("A", "current", "measurement"),
    "_dB": ("dB", "signal_strength", "measurement"),
    "_km": ("km", "distance", "measurement"),
    "_ppm": ("ppm", "", "measurement"),
    "_ug_m3": ("µg/m³", "", "measurement"),
}
_NAMES: Final = {
    "humidity": ("%", "humidity", "measurement"),
    "moisture": ("%", "moisture", "measurement"),
    "rssi": ("dB", "signal_strength", "measurement"),
    "snr": ("dB", "signal_strength", "measurement"),
    "noise": ("dB", "signal_strength", "measurement"),
}
_DIAGNOSTIC: Final = frozenset({"battery_ok", "battery_mV", "rssi", "snr", "noise", "maybetest", "button"})


class Sensor(Struct, frozen=True, omit_defaults=True):
    """One that was heard."""

    name: str = ""
    model: str = ""
    serial: str = ""
    metrics: dict[str, Kind] = {}


class Receiver(Struct, frozen=True, omit_defaults=True):
    """All that a receiver heard, by key."""

    sensors: dict[str, Sensor] = {}


class Rtl433Dialect(SimpleDialect):
    """Receivers below some base topics.

    Args:
        bases: where; a base is the levels above the receiver's host name, ``rtl_433`` if empty.
        topic_root: of Causeway's own dialect.

    Raises:
        ValueError: a base is under that root.
    """

    name = "rtl433"
    state_types: tuple[Any, Any] = (Receiver, None)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites = {(one.base or _USUAL_BASE).strip("/"): one.site for one in bases}
        if any(base.partition("/")[0] == topic_root for base in self._sites):
            raise ValueError("a base is under Causeway's own topic root")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. All sensors share a topic: no message stands for an earlier one."""
        events = (Filter(f"{base}/+/events", keep=True) for base in self._sites)
        return (*events, *(Filter(f"{base}/+/availability") for base in self._sites))

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for base, site in self._sites.items():
            if topic.startswith(f"{base}/"):
                host, _, what = topic[len(base) + 1 :].partition("/")
                if host and what in {"events", "availability"}:
                    source = f"{site}/{key_part_of('rtl433', host)}"
                    return Route(self.name, source, what, host[:128], status=what == "availability")
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        site, _, receiver = source.partition("/")
        base = next((base for base, one in self._sites.items() if one == site), _USUAL_BASE)
        return f"{base}/{receiver.partition('.')[2] or receiver}/events"

    def topics(self, _state: State, device: str) -> tuple[str, ...]:
        """See the protocol: a receiver's sensors share its topics."""
        site, _, receiver = device.partition("~")[0].partition("/")
        host = receiver.partition(".")[2]
        level = host if key_part_of("rtl433", host) == receiver else "+"
        bases = (base for base, one in self._sites.items() if one == site)
        return tuple(f"{base}/{level}/{what}" for base in bases for what in ("events", "availability"))

    def fresh(self) -> State:
        """See the protocol."""
        return State(Receiver())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        if delivery.kind == "availability":
            return _availability(state.model, delivery)
        found = read_object(delivery.payload)
        if isinstance(found, Malformed):
            return Reading((Said(delivery.source, found),))
        return _event(state.model, found, delivery)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        sensor = state.model.sensors.get(device)
        return _description(sensor, device) if sensor else None

    def render(self, _state: State, _device: str, command: Command, _now_ms: int) -> Refused:
        """Nobody can tell them anything."""
        return Refused("unknown_command", command.name)

    def retained(self, device: str, _metrics: Iterable[str], _events: Iterable[str]) -> Iterator[str]:
        """See the protocol."""
        yield self.example(device.partition("~")[0])


def _availability(receiver: Receiver, delivery: Delivery) -> Reading:
    """The receiver is there, or gone: then nothing is known of its sensors."""
    online = _WORDS.get(bare(delivery.payload).strip().lower())
    if online is None:
        bad = Malformed("bad_status", delivery.payload[:64].decode(errors="replace"), speaks=False)
        return Reading((Said(delivery.source, bad),))
    said = [Said(delivery.source, StatusReported(online))]
    if not online and not delivery.retain:
        said += [Said(key, Doubted(f"{delivery.source} is offline")) for key in receiver.sensors]
    return Reading(tuple(said))


def _event(receiver: Receiver, found: dict[str, Any], delivery: Delivery) -> Reading:
    identity = [label(found[name]) for name in _IDENTITY if name in found]
    if not label(found.get("model")) or not all(identity):
        return Reading((Said(delivery.source, Malformed("bad_text", "no model")),))
    key = f"{delivery.source}~{key_part('.'.join(identity))}"
    before = receiver.sensors.get(key, Sensor(" ".join(identity), label(found["model"]), label(found.get("id"))))
    if key not in receiver.sensors and len(receiver.sensors) >= _MOST_SENSORS:
        return Reading(rejected="too_many_sensors")
    sieve = Sieve(len(delivery.payload))
    metrics = sieve.flattened({name: _plain(name, value) for name, value in found.items() if name not in _LEFT_OUT})
    said: list[Decoded] = [Telemetry((RawReading(_ts_ms(found.get("time")), metrics),) if metrics else (), sieve.notes)]
    sensor = structs.replace(before, metrics=with_kinds(before.metrics, metrics))
    state = None
    if receiver.sensors.get(key) != sensor:
        state = State(Receiver({**receiver.sensors, key: sensor}))
        said.append(Described(_description(sensor, key)))
    return Reading(tuple(Said(key, one) for one in said), state=state)


def _plain(name: str, value: Any) -> Any:
    """``battery_ok`` is 0 or 1; newer versions say how full it is."""
    if name == "battery_ok" and type(value) is int and value in {0, 1}:
        return value == 1
    return value


def _ts_ms(time: Any) -> int | None:
    """A time with zone (-M time:utc, time:iso:tz); local time without one is none."""
    try:
        return timestamp_ms(time) if isinstance(time, str) else None
    except MalformedError:
        return None


def _description(sensor: Sensor, key: str) -> Description:
    return Description(
        name=sensor.name,
        model=sensor.model,
        serial=sensor.serial,
        via=key.partition("~")[0],
        properties=tuple(_property(metric, kind) for metric, kind in sensor.metrics.items()),
        stale_after_s=_STALE_AFTER_S,
        origin="rtl_433",
        dialect=Rtl433Dialect.name,
    )


def _property(metric: str, kind: Kind) -> Property:
    diagnostic = metric in _DIAGNOSTIC
    if kind != "n":
        return Property(metric, kind="boolean" if kind == "b" else "text", diagnostic=diagnostic)
    ends = sorted((end for end in _SUFFIXES if metric.endswith(end)), key=len)
    unit, device_class, state_class = _SUFFIXES[ends[-1]] if ends else _NAMES.get(metric, ("", "", "measurement"))
    return Property(
        metric, kind="number", unit=unit, device_class=device_class, state_class=state_class, diagnostic=diagnostic
    )
