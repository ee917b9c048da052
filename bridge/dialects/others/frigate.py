"""Frigate: cameras whose pictures are looked at for people and things (docs.frigate.video/integrations/mqtt).

The source is the installation, ``frigate``; cameras and zones, which count objects alike, are behind it. Pictures
(``…/snapshot``, retained) are never subscribed to.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    OWN_DOWNLINK,
    Base,
    Command,
    Filter,
    Publication,
    Reading,
    Refused,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.forms.names import key_part
from bridge.dialects.forms.numbers import number_in, written
from bridge.dialects.forms.seen import with_kinds
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.forms.texts import label
from bridge.dialects.others.frigate_cameras import FPS, SETTINGS, SWITCHES, Camera, description_of, properties
from bridge.json_limits import MalformedError, bare, decode_utf8
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.names import is_name
from bridge.observations import (
    Cleared,
    Described,
    Doubted,
    EventReported,
    Malformed,
    RawReading,
    Scalar,
    StatusReported,
    Telemetry,
)

_USUAL_BASE: Final = "frigate"
_MOST_CAMERAS: Final = 200
_RESERVED: Final = frozenset({"available", "stats", "events", "reviews", "notifications", "camera_activity", "restart"})
_WORDS: Final = {b"online": True, b"offline": False, b"stopped": False}
_ON_OFF: Final = {"ON": True, "OFF": False}
_OF_EVENT: Final = ("id", "sub_label", "score", "top_score", "start_time", "end_time")
_COUNT: Final = re.compile(r"\d{1,6}\Z")


class Installation(Struct, frozen=True, omit_defaults=True):
    """What is behind a base topic."""

    cameras: dict[str, Camera] = {}  # by key
    version: str = ""


class FrigateDialect(SimpleDialect):
    """Installations of Frigate.

    Args:
        bases: their topic prefixes, ``frigate`` if empty.
        topic_root: of Causeway's own dialect.

    Raises:
        ValueError: a base is under that root.
    """

    name = "frigate"
    state_types: tuple[Any, Any] = (Installation, None)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sources = {
            base: f"{one.site}/{key_part(base)}" for one in bases for base in [(one.base or _USUAL_BASE).strip("/")]
        }
        if any(base.partition("/")[0] == topic_root for base in self._sources):
            raise ValueError("a base is under Causeway's own topic root")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol."""
        return tuple(
            Filter(f"{base}/{what}", keep=what == "events")
            for base in self._sources
            for what in ("available", "stats", "events", "+/+", "+/+/state", "+/+/active")
        )

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(f"{base}/+/+/set" for base in self._sources)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for base, source in self._sources.items():
            if topic.startswith(f"{base}/"):
                rest = topic[len(base) + 1 :]
                levels = rest.split("/")
                if levels[-1] in {"set", "ptz"} or rest in {"restart", "notifications/set"}:
                    return OWN_DOWNLINK
                if rest in {"available", "stats", "events"}:
                    return Route(self.name, source, rest, status=rest == "available")
                is_camera = levels[0] not in {*_RESERVED, ""} and len(levels[0]) <= 64
                if is_camera and (len(levels) == 2 or (len(levels) == 3 and levels[2] in {"state", "active"})):
                    return Route(self.name, source, "camera", rest)
        return None

    def _base(self, source: str) -> str:
        return next((base for base, one in self._sources.items() if one == source), _USUAL_BASE)

    def example(self, source: str) -> str:
        """See the protocol."""
        return f"{self._base(source)}/available"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        base, camera = self._base(device.partition("~")[0]), state.model.cameras.get(device)
        level = camera.name if camera else "+"
        return tuple(
            f"{base}/{what}"
            for what in ("available", "stats", "events", f"{level}/+", f"{level}/+/state", f"{level}/+/active")
            if camera is None or what != "available"
        )

    def fresh(self) -> State:
        """See the protocol."""
        return State(Installation())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        if delivery.kind == "available":
            return _available(state.model, delivery)
        if delivery.kind == "camera":
            return _camera(state.model, delivery)
        found = read_object(delivery.payload)
        if isinstance(found, Malformed):
            return Reading((Said(delivery.source, found),))
        return (_event if delivery.kind == "events" else _stats)(state.model, found, delivery)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        camera = state.model.cameras.get(device)
        return description_of(camera, device, state.model.version) if camera else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        camera = state.model.cameras.get(device)
        args = arguments(command.args)
        if camera is None or command.name != "set":
            return Refused("unknown_command", command.name)
        if isinstance(args, Refused):
            return args
        if len(args) != 1:
            return Refused("bad_args", "one value at a time")
        ((metric, value),) = args.items()
        known = {one.metric: one for one in properties(camera) if one.settable}
        if metric not in known:
            return unknown([metric])
        if refused := refusal(known[metric], value):
            return refused
        theirs = next((name for name, ours in SWITCHES.items() if ours == metric), metric)
        text = ("ON" if value else "OFF") if isinstance(value, bool) else written(value)
        topic = f"{self._base(device.partition('~')[0])}/{camera.name}/{theirs}/set"
        return Rendered(
            (Publication(topic, text.encode(), expires_ms=command.expires_ms),), ack="echo", expect={metric: value}
        )

    def retained(self, device: str, metrics: Iterable[str], _events: Iterable[str]) -> Iterator[str]:
        """See the protocol."""
        source, _, camera = device.partition("~")
        base = self._base(source)
        if not camera:
            yield f"{base}/available"
        theirs = {ours: name for name, ours in SWITCHES.items()}
        for metric in metrics if camera else ():
            if metric in theirs or metric in SETTINGS:
                yield f"{base}/{camera}/{theirs.get(metric, metric)}/state"
            else:
                yield f"{base}/{camera}/{metric.replace('.', '/')}"


def _available(installation: Installation, delivery: Delivery) -> Reading:
    """Frigate is there, or gone: then nothing is known of its cameras."""
    online = _WORDS.get(bare(delivery.payload).strip().lower())
    if online is None:
        bad = Malformed("bad_status", delivery.payload[:64].decode(errors="replace"), speaks=False)
        return Reading((Said(delivery.source, bad),))
    said = [Said(delivery.source, StatusReported(online))]
    if not delivery.retain:
        news = StatusReported(online=True) if online else Doubted(f"{delivery.source} is offline")
        said += [Said(key, news) for key in installation.cameras]
    return Reading(tuple(said))


def _camera(installation: Installation, delivery: Delivery) -> Reading:
    """``yard/person`` 1, ``yard/motion`` ON, ``yard/detect/state`` ON."""
    name, _, what = delivery.detail.partition("/")
    try:
        text = decode_utf8(bare(delivery.payload)).strip()
    except MalformedError:
        return Reading(rejected="ignored")
    found = _value(what, text)
    if found is None:
        return Reading(rejected="ignored")
    return _told(installation, delivery, {name: dict([found])}, ())


def _value(what: str, text: str) -> tuple[str, Scalar] | None:
    """Metric and value; None: nothing that is known."""
    switch = what.removesuffix("/state")
    if what.endswith("/state"):
        if switch in SWITCHES and text in _ON_OFF:
            return SWITCHES[switch], _ON_OFF[text]
        return (switch, number_in(text)) if switch in SETTINGS and number_in(text) is not None else None
    if what == "motion":
        return ("motion", _ON_OFF[text]) if text in _ON_OFF else None
    return (what.replace("/", "."), int(text)) if _COUNT.match(text) and what.isprintable() else None


def _event(installation: Installation, found: dict[str, Any], delivery: Delivery) -> Reading:
    """Something came into view, or is gone; what changes between is left out: there is much of it."""
    after, kind = found.get("after"), found.get("type")
    if not isinstance(after, dict) or not label(after.get("camera")):
        return Reading((Said(delivery.source, Malformed("not_an_object", "after")),))
    if kind not in ("new", "end"):  # a tuple: it may be what has no hash
        return Reading(rejected="ignored")
    name = re.sub(r"[^A-Za-z0-9_.:-]", "_", f"{label(after.get('label'), 48)}_{kind}")
    if not is_name(name):
        return Reading(rejected="ignored")
    sieve = Sieve(len(delivery.payload))
    kept = {
        key: after[key] for key in ("id", "sub_label", "score", "top_score", "start_time", "end_time") if key in after
    }
    data = sieve.storable({**kept, "zones": after.get("current_zones")})
    return _told(installation, delivery, {label(after["camera"]): {}}, (EventReported(name, data, sieve.notes),))


def _stats(installation: Installation, found: dict[str, Any], delivery: Delivery) -> Reading:
    cameras = found.get("cameras")
    values: dict[str, dict[str, Scalar]] = {}
    for name, one in list(cameras.items())[:_MOST_CAMERAS] if isinstance(cameras, dict) else ():
        if isinstance(one, dict) and label(name) == name:
            sieve = Sieve(len(delivery.payload))
            values[name] = {key: sieve.scalar(one[key], key) for key in FPS if isinstance(one.get(key), int | float)}
    service = found.get("service")
    version = label(service.get("version")) if isinstance(service, dict) else ""
    if version and version != installation.version:
        installation = structs.replace(installation, version=version)
    reading = _told(installation, delivery, values, ())
    said = (Said(delivery.source, Telemetry(())), *reading.said)
    return Reading(said, state=reading.state or State(installation))


def _told(
    installation: Installation,
    delivery: Delivery,
    values: dict[str, dict[str, Scalar]],
    events: tuple[EventReported, ...],
) -> Reading:
    """Values and events of cameras; each is described where something is new about it."""
    said: list[Said] = []
    cameras = dict(installation.cameras)
    for name, metrics in values.items():
        key = f"{delivery.source}~{key_part(name)}"
        before = cameras.get(key, Camera(name))
        if key not in cameras and len(cameras) >= _MOST_CAMERAS:
            continue
        said += [
            Said(key, Telemetry((RawReading(None, metrics),) if metrics else ())),
            *(Said(key, one) for one in events),
        ]
        after = structs.replace(before, metrics=with_kinds(before.metrics, metrics))
        if cameras.get(key) != after:
            cameras[key] = after
            said.append(Said(key, Described(description_of(after, key, installation.version))))
    state = State(structs.replace(installation, cameras=cameras)) if cameras != installation.cameras else None
    return Reading(tuple(said), "" if said else "too_many_cameras", state)
