"""Tasmota behind the interface of all dialects: its topics and payloads are in the modules beside."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import structs

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    OWN_DOWNLINK,
    Base,
    Command,
    Due,
    Filter,
    Joined,
    Reading,
    Refused,
    Rendered,
    Route,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.tasmota import asking, discovery_effects
from bridge.dialects.tasmota.commands import render
from bridge.dialects.tasmota.description import description_of
from bridge.dialects.tasmota.discovery import is_mac
from bridge.dialects.tasmota.keys import key_of
from bridge.dialects.tasmota.model import Fleet, Now, Thing
from bridge.dialects.tasmota.patterns import Parsed, Pattern
from bridge.dialects.tasmota.reading import Speaker
from bridge.messages import Delivery

_SOURCE: Final = "tasmota"
_TELE: Final = ("LWT", "STATE", "SENSOR", "RESULT", "INFO1", "INFO2", "INFO3")
_STAT: Final = ("RESULT", "STATUS", "STATUS2", "STATUS5", "STATUS8", "STATUS10", "STATUS11", "POWER")
_MOST_FOREIGN: Final = 400  # devices with a FullTopic of their own: their filters are under the bound of all


class TasmotaDialect(SimpleDialect):
    """All Tasmota devices of each site.

    Args:
        bases: sites, each with a FullTopic pattern (``haus/%topic%/%prefix%``), the levels before the usual one, or "".
        topic_root: of Causeway's own dialect: no device may have commands published there.

    Raises:
        ValueError: a pattern can't be used; which and why.
    """

    name = "tasmota"
    state_types: tuple[Any, Any] = (Fleet, Now)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._patterns = [(one.site, Pattern(one.base)) for one in bases]
        self._root = f"{topic_root}/"
        if any(pattern.text.startswith(self._root) for _, pattern in self._patterns):
            raise ValueError("a pattern is under Causeway's own topic root")

    # ------------------------------------------------------------------------------------------------ topics

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. The discovery says nothing of a site: it is the first one's."""
        texts = dict.fromkeys(text for _, pattern in self._patterns for text in pattern.filters())
        return (Filter(asking.DISCOVERY, retained="always"), *(Filter(text) for text in texts))

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(dict.fromkeys(pattern.downlinks() for _, pattern in self._patterns))

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        if topic.startswith("tasmota/discovery/"):
            mac, _, what = topic[len("tasmota/discovery/") :].partition("/")
            if is_mac(mac) and what in {"config", "sensors"} and self._patterns:
                return Route(self.name, f"{self._patterns[0][0]}/{_SOURCE}", what, mac)
            return None
        found = self._parsed(topic)
        if found is None:
            return None
        site, _, parsed = found
        if parsed.prefix == "cmnd":
            return OWN_DOWNLINK
        return Route(self.name, f"{site}/{_SOURCE}", parsed.prefix, parsed.topic[:128], status=parsed.what == "LWT")

    def _parsed(self, topic: str, site: str = "") -> tuple[str, Pattern, Parsed] | None:
        for one, pattern in self._patterns:
            if site in {"", one} and (parsed := pattern.parse(topic)):
                return one, pattern, parsed
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        site = source.partition("/")[0]
        pattern = next((pattern for one, pattern in self._patterns if one == site), None)
        return f"{pattern.stem('tele', 'any') if pattern else 'tele/any/'}STATE"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol. One behind a bridge speaks on the bridge's."""
        source, _, part = device.partition("~")
        patterns = [pattern for site, pattern in self._patterns if f"{site}/{_SOURCE}" == source]
        if not part:
            found = [one for pattern in patterns for one in pattern.filters()]
            return (asking.DISCOVERY, *found, *(one.topic_filter for one in self.wanted(state)))
        name = self._name(state, device) or part
        name = state.model.things.get(name, Thing()).bridge or name
        if stems := [stem for stem, (_, topic) in state.model.stems.items() if topic == name]:
            return tuple(f"{stem}+" for stem in stems)
        return tuple(one for pattern in patterns for one in pattern.filters_of(name))

    def retained(self, device: str, _metrics: Iterable[str], _events: Iterable[str]) -> Iterator[str]:
        """See the protocol. (Its discovery is under its MAC, which its key doesn't tell.)"""
        source, _, name = device.partition("~")
        for site, pattern in self._patterns:
            if f"{site}/{_SOURCE}" == source:
                yield from (f"{pattern.stem('tele', name)}{what}" for what in ("LWT", "STATE", "SENSOR"))
                yield from (f"{pattern.stem('stat', name)}{what}" for what in ("RESULT", "POWER"))

    # ------------------------------------------------------------------------------------------------- state

    def fresh(self) -> State:
        """See the protocol."""
        return State(Fleet(), Now())

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """See the protocol."""
        now: Now = state.live
        if why == "gateway":
            return State(state.model, asking.asking_all(now, self._askable(state.model), now_ms))
        return State(state.model, structs.replace(now, refetch=True)) if why in {"revision", "gap"} else state

    @staticmethod
    def _askable(fleet: Fleet) -> Iterator[str]:
        return (name for name, thing in fleet.things.items() if thing.command_stem and not thing.sleep_s)

    def due(self, state: State, now_ms: int) -> Due:
        """See the protocol."""
        return asking.due(state, now_ms)

    def wanted(self, state: State) -> tuple[Filter, ...]:
        """Exactly the topics of devices whose FullTopic no pattern covers."""
        fleet: Fleet = state.model
        found: list[Filter] = []
        for stem, (prefix, topic) in list(fleet.stems.items())[: 2 * _MOST_FOREIGN]:
            thing = fleet.things.get(topic, Thing())
            powers = (f"POWER{index}" for index in range(1, len(thing.relays) + 1))
            names = _TELE if prefix == "tele" else (*_STAT, *powers)
            found += [Filter(stem + name, retained="always") for name in names]
        return tuple(found)

    # ---------------------------------------------------------------------------------------------- messages

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if delivery.kind in {"config", "sensors"}:
            return discovery_effects.read(state, delivery, self._covered, self._root)
        fleet: Fleet = state.model
        stem, slash, what = delivery.topic.rpartition("/")
        own = fleet.stems.get(stem + slash)
        if own is not None:
            return Speaker(state, delivery, own[1], own[0], what, "").read()
        found = self._parsed(delivery.topic, delivery.source.partition("/")[0])
        if found is None or found[2].prefix == "cmnd":
            return Reading(rejected="unknown_topic")
        _, pattern, parsed = found
        command_stem = pattern.stem("cmnd", parsed.topic)
        return Speaker(state, delivery, parsed.topic, parsed.prefix, parsed.what, command_stem).read()

    def _covered(self, site: str, stem: str, topic: str) -> bool:
        """Whether a pattern of the site brings this device's telemetry."""
        return any(one == site and pattern.covers(stem, topic) for one, pattern in self._patterns)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        source = device.partition("~")[0]
        found = self._thing(state, device)
        if found is None:
            return None
        return description_of(found, key_of(source, found.bridge) if found.bridge else "")

    def _thing(self, state: State, device: str) -> Thing | None:
        fleet: Fleet = state.model
        return fleet.things.get(self._name(state, device) or "")

    @staticmethod
    def _name(state: State, device: str) -> str | None:
        """The name of the thing that has this key; None: none that is known."""
        fleet: Fleet = state.model
        source, _, part = device.partition("~")
        if part in fleet.things and key_of(source, part) == device:
            return part
        return next((name for name in fleet.things if key_of(source, name) == device), None)

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        thing = self._thing(state, device)
        return render(thing, command) if thing else Refused("unknown_device", device)
