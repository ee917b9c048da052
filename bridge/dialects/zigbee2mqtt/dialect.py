"""Zigbee2MQTT behind the interface of all dialects. The source is the bridge, ``site/base``; members are children."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    NOTHING_DUE,
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
from bridge.dialects.forms.names import key_part
from bridge.dialects.zigbee2mqtt import commands, described
from bridge.dialects.zigbee2mqtt.deliveries import read
from bridge.dialects.zigbee2mqtt.model import Live, Model
from bridge.messages import Delivery
from bridge.shards import source_of

_USUAL: Final = "zigbee2mqtt"
_DOWN: Final = ("set", "get")
_MOST_LEVELS: Final = 4  # of friendly names that the broker's rights speak of
_APART_MS: Final = 60_000  # between two times that what is retained is asked for


class Zigbee2MqttDialect(SimpleDialect):
    """``{base}/bridge/…``, ``{base}/<friendly name>[/…]``.

    Args:
        bases: base topics.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base is, or is under, that root.
    """

    name = described.NAME
    state_types = (Model, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        named = {one.base or _USUAL: one.site for one in bases}
        if any(base.split("/", 1)[0] == topic_root for base in named):
            raise ValueError("a base is under Causeway's own topic root")
        self._sources = {base: f"{site}/{key_part(base)}" for base, site in named.items()}
        self._bases = {source: base for base, source in self._sources.items()}
        self._longest = sorted(self._sources, key=len, reverse=True)

    def filters(self) -> tuple[Filter, ...]:
        """All under each base; the lists of members may be large."""
        return tuple(
            one
            for base in self._sources
            for one in (Filter(f"{base}/#", keep=True), Filter(f"{base}/bridge/devices", big=True))
        )

    def downlinks(self) -> tuple[str, ...]:
        """Requests, and what members are told."""
        names = ["/+" * levels for levels in range(1, _MOST_LEVELS + 1)]
        return tuple(
            topic
            for base in self._sources
            for topic in (f"{base}/bridge/request/#", *(f"{base}{name}/{down}" for name in names for down in _DOWN))
        )

    def route(self, topic: str) -> Sorted | None:
        """See the protocol. What is under a base is this dialect's."""
        for base in self._longest:
            if topic.startswith(base) and topic[len(base) : len(base) + 1] == "/":
                return _sorted(self._sources[base], topic[len(base) + 1 :])
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        return f"{self._bases.get(source, _USUAL)}/bridge/state"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        source, _, child = device.partition("~")
        base = self._bases.get(source)
        if base is None:
            return ()
        member = state.model.member(child) if child else None
        return (f"{base}/{member.name}", f"{base}/{member.name}/+") if member else (f"{base}/#",)

    def fresh(self) -> State:
        """Nothing is known."""
        return State(Model(), Live())

    def joined(self, state: State, why: Joined, _now_ms: int) -> State:
        """A state that was lost is had again from what is retained."""
        if why not in ("revision", "gap"):
            return state
        return State(state.model, structs.replace(state.live, refetch=True))

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        base = self._bases.get(delivery.source, "")
        if state.live.base != base:
            state = State(state.model, structs.replace(state.live, base=base))
            reading = read(state, delivery)
            return reading if reading.state else structs.replace(reading, state=state)
        return read(state, delivery)

    def due(self, state: State, now_ms: int) -> Due:
        """What is retained is asked for again, once a minute at most."""
        live = state.live
        if not live.refetch:
            return NOTHING_DUE
        at_ms = live.refetched_ms + _APART_MS
        if now_ms < at_ms:
            return Due(again_ms=at_ms)
        bases = (live.base,) if live.base else tuple(self._sources)
        asked = structs.replace(live, refetch=False, refetched_ms=now_ms)
        return Due(refetch=tuple(f"{base}/#" for base in bases), state=State(state.model, asked))

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        source, _, child = device.partition("~")
        if not child:
            return described.bridge(state.model)
        member = state.model.member(child)
        return described.member(state.model, source, member) if member else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        base, (_, _, child) = self._bases.get(source_of(device)), device.partition("~")
        if base is None:
            return Refused("unknown_device", "no base topic is its bridge's any more")
        if not child:
            return commands.to_bridge(base, state.model, command)
        member = state.model.member(child)
        if member is None:
            return Refused("unknown_device", "its bridge doesn't list it")
        return commands.to_member(base, state.model, member, command)


def _sorted(source: str, rest: str) -> Sorted:
    """What is below a base."""
    first, _, inner = rest.partition("/")
    if first == "bridge":
        return (
            OWN_DOWNLINK
            if inner.startswith("request/")
            else Route("zigbee2mqtt", source, "bridge", inner, status=inner == "state")
        )
    levels = rest.rsplit("/", 2)
    if len(levels) > 1 and (levels[-1] in _DOWN or (len(levels) > 2 and levels[-2] in _DOWN)):
        return OWN_DOWNLINK
    return Route("zigbee2mqtt", source, "member", rest, status=levels[-1] == "availability")
