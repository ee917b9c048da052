"""OwnTracks: phones that tell where they are, ``owntracks/<user>/<device>`` (owntracks.org/booklet/tech/json).

Position and will share one retained topic; ``_type`` tells them apart. The source is the phone.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

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
from bridge.dialects.forms.names import key_part_of
from bridge.dialects.forms.seen import with_new
from bridge.json_limits import MalformedError
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.names import is_name
from bridge.observations import (
    Cleared,
    Decoded,
    Described,
    EventReported,
    Malformed,
    RawReading,
    StatusReported,
    Telemetry,
)
from bridge.timestamps import timestamp_ms

_USUAL_BASE: Final = "owntracks"
_STALE_AFTER_S: Final = 86_400  # a phone that lies still says little
_BATTERY: Final = ("unknown", "unplugged", "charging", "full")
_NETWORKS: Final = {"w": "wifi", "m": "mobile", "o": "offline"}
_PROPERTIES: Final = {
    one.metric: one
    for one in (
        Property("lat", "Latitude", "number", "°", "latitude"),
        Property("lon", "Longitude", "number", "°", "longitude"),
        Property("acc", "Accuracy", "number", "m", "distance", diagnostic=True),
        Property("alt", "Altitude", "number", "m", "distance"),
        Property("vac", "Vertical accuracy", "number", "m", "distance", diagnostic=True),
        Property("vel", "Speed", "number", "km/h", "speed"),
        Property("cog", "Course", "number", "°"),
        Property("p", "Pressure", "number", "kPa", "atmospheric_pressure", "measurement"),
        Property("batt", "Battery", "number", "%", "battery", "measurement", 0, 100),
        Property("bs", "Battery state", "enum", values=_BATTERY, diagnostic=True),
        Property("conn", "Network", "enum", values=tuple(_NETWORKS.values()), diagnostic=True),
        Property("regions", "Regions"),
        Property("poi", "Point of interest"),
        Property("tag", "Tag"),
    )
}


class Phone(Struct, frozen=True):
    """What is known of a phone."""

    name: str = ""  # "user device"
    metrics: frozenset[str] = frozenset()


class OwnTracksDialect(SimpleDialect):
    """Phones below some base topics.

    Args:
        bases: where; a base is the levels above the user, ``owntracks`` if empty.
        topic_root: of Causeway's own dialect.

    Raises:
        ValueError: a base is under that root.
    """

    name = "owntracks"
    state_types: tuple[Any, Any] = (Phone, None)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites = {(one.base or _USUAL_BASE).strip("/"): one.site for one in bases}
        if any(base.partition("/")[0] == topic_root for base in self._sites):
            raise ValueError("a base is under Causeway's own topic root")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol."""
        return tuple(Filter(base + what) for base in self._sites for what in ("/+/+", "/+/+/event"))

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for base, site in self._sites.items():
            if not topic.startswith(f"{base}/"):
                continue
            levels = topic[len(base) + 1 :].split("/")
            if len(levels) == 2 and all(levels):
                return Route(self.name, f"{site}/{key_part_of(*levels)}", "phone", " ".join(levels), status=True)
            if len(levels) == 3 and levels[2] == "event" and all(levels):
                return Route(self.name, f"{site}/{key_part_of(*levels[:2])}", "event", " ".join(levels[:2]))
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        site, _, phone = source.partition("/")
        base = next((base for base, one in self._sites.items() if one == site), _USUAL_BASE)
        user, _, device = phone.partition(".")
        return f"{base}/{user}/{device or user}"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        site, _, part = device.partition("/")
        name = state.model.name
        user, _, phone = name.partition(" ") if name else part.partition(".")
        levels = f"{user}/{phone}" if phone and key_part_of(user, phone) == part else "+/+"
        bases = (base for base, one in self._sites.items() if one == site)
        return tuple(f"{base}/{levels}{what}" for base in bases for what in ("", "/event"))

    def fresh(self) -> State:
        """See the protocol."""
        return State(Phone())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        found = read_object(delivery.payload)
        if isinstance(found, Malformed):
            return Reading((Said(delivery.source, found),))
        kind = found.get("_type")
        if kind == "location":
            return _position(state.model, found, delivery)
        what = _other(kind, found, len(delivery.payload))
        return Reading((Said(delivery.source, what),)) if what is not None else Reading(rejected="ignored")

    def describe(self, state: State, _device: str) -> Description:
        """See the protocol."""
        return _description(state.model)

    def render(self, _state: State, _device: str, command: Command, _now_ms: int) -> Refused:
        """No command is known."""
        return Refused("unknown_command", command.name)

    def retained(self, device: str, _metrics: Iterable[str], _events: Iterable[str]) -> Iterator[str]:
        """See the protocol."""
        yield self.example(device)


def _position(phone: Phone, found: dict[str, Any], delivery: Delivery) -> Reading:
    try:
        ts_ms = _ms(found.get("tst"))
    except MalformedError as bad:
        return Reading((Said(delivery.source, bad.malformed),))
    sieve = Sieve(len(delivery.payload))
    metrics = sieve.flattened(_metrics(found))
    said: list[Decoded] = [Telemetry((RawReading(ts_ms, metrics),) if metrics else (), sieve.notes)]
    known = Phone(delivery.detail[:200], with_new(phone.metrics, metrics))
    state = None
    if known != phone:
        state = State(known)
        said.append(Described(_description(known)))
    return Reading(tuple(Said(delivery.source, one) for one in said), state=state)


def _description(phone: Phone) -> Description:
    known = tuple(one for name, one in _PROPERTIES.items() if name in phone.metrics)
    return Description(
        name=phone.name,
        properties=known,
        stale_after_s=_STALE_AFTER_S,
        origin="OwnTracks",
        dialect=OwnTracksDialect.name,
    )


def _ms(tst: Any) -> int | None:
    """Unix seconds as Unix ms.

    Raises:
        MalformedError: it is no such time.
    """
    return timestamp_ms(tst * 1000 if isinstance(tst, int | float) and not isinstance(tst, bool) else tst)


def _metrics(found: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: found[name] for name in _PROPERTIES if name in found}
    if "bs" in metrics:
        metrics["bs"] = _BATTERY[metrics["bs"]] if metrics["bs"] in range(len(_BATTERY)) else None
    if "conn" in metrics:
        metrics["conn"] = _NETWORKS.get(str(metrics["conn"]))
    regions = found.get("inregions")
    if isinstance(regions, list):
        metrics["regions"] = ", ".join(one for one in regions if isinstance(one, str))
    return metrics


def _other(kind: Any, found: dict[str, Any], payload_bytes: int) -> Decoded | None:
    """What another message than a position says; None: nothing that matters here."""
    if kind == "lwt":
        return StatusReported(online=False)
    if kind == "encrypted":
        return Telemetry(())  # it can't be read, but somebody is there
    name = found.get("event")
    if kind == "transition" and isinstance(name, str) and is_name(name):
        sieve = Sieve(payload_bytes)
        data = sieve.storable({name: one for name, one in found.items() if name not in {"_type", "event", "topic"}})
        return EventReported(name, data, sieve.notes)
    return None
