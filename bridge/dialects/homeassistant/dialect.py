"""Home Assistant's discovery behind the interface of all dialects. The source is the discovery prefix, ``site/ha``."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    NOTHING_DUE,
    Base,
    Command,
    Due,
    Filter,
    Joined,
    Publication,
    Reading,
    Refused,
    RejectedTopic,
    Rendered,
    Route,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.names import key_part
from bridge.dialects.homeassistant import commands, described
from bridge.dialects.homeassistant.deliveries import read
from bridge.dialects.homeassistant.model import Known, Live, Model
from bridge.dialects.homeassistant.topics import Guard
from bridge.messages import Delivery
from bridge.shards import source_of

_USUAL: Final = "homeassistant"
_LEVELS: Final = (2, 3)  # between prefix and ``config``
_BIRTH_AFTER_MS: Final = 5_000  # a real Home Assistant's, if it is retained, is there by then


class HomeAssistantDialect(SimpleDialect):
    """``{prefix}/<component>/[<node>/]<object>/config``, and all topics that these messages name.

    Args:
        bases: discovery prefixes.
        topic_root: of Causeway's own topics.
        is_born: publish Home Assistant's birth where there is none: many devices send their discovery then.

    Raises:
        ValueError: a prefix is, or is under, that root.
    """

    name = described.NAME
    state_types = (Model, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str, *, is_born: bool = False) -> None:
        prefixes = {one.base or _USUAL: one.site for one in bases}
        if any(prefix.split("/", 1)[0] == topic_root for prefix in prefixes):
            raise ValueError("a discovery prefix is under Causeway's own topic root")
        self._is_born = is_born
        self._guard = Guard(topic_root, tuple(prefixes))
        self._sources = {prefix: f"{site}/{_source_name(prefix)}" for prefix, site in prefixes.items()}
        self._prefixes = {source: prefix for prefix, source in self._sources.items()}

    def filters(self) -> tuple[Filter, ...]:
        """Discovery, and whether a Home Assistant is there."""
        return tuple(
            Filter(f"{prefix}/{rest}", keep=True)
            for prefix in self._sources
            for rest in ("+/+/config", "+/+/+/config", "status")
        )

    def downlinks(self) -> tuple[str, ...]:
        """The birth. On which topics entities are told is known by discovery only."""
        return tuple(f"{prefix}/status" for prefix in self._sources) if self._is_born else ()

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for prefix, source in self._sources.items():
            if topic.startswith(prefix) and topic[len(prefix) : len(prefix) + 1] == "/":
                rest = topic[len(prefix) + 1 :]
                if rest == "status":
                    return Route(self.name, source, "status")
                detail, _, last = rest.rpartition("/")
                if last == "config" and detail.count("/") + 1 in _LEVELS:
                    return Route(self.name, source, "config", detail)
                return RejectedTopic("no_discovery")
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        return f"{self._prefixes.get(source, _USUAL)}/status"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol: what its entities report on, and what tells of them."""
        source, _, child = device.partition("~")
        prefix = self._prefixes.get(source)
        if prefix is None:
            return ()
        known: Known | None = state.model.devices.get(child)
        if known is None:
            ours = (one.topic_filter for one in self.filters() if one.topic_filter.startswith(f"{prefix}/"))
            return (*ours, *state.model.topics)
        entities = [state.model.entities[one] for one in known.entities if one in state.model.entities]
        told = dict.fromkeys(f"{prefix}/{one.partition('#')[0]}/config" for one in known.entities)
        return (*sorted(set().union(*(one.topics() for one in entities))), *told)

    def fresh(self) -> State:
        """Nothing is known."""
        return State(Model(), Live())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        prefix = self._prefixes.get(delivery.source, "")
        if state.live.prefix == prefix:
            return read(state, delivery, self._guard)
        state = State(state.model, structs.replace(state.live, prefix=prefix))
        reading = read(state, delivery, self._guard)
        return reading if reading.state else structs.replace(reading, state=state)

    def wanted(self, state: State) -> tuple[Filter, ...]:
        """All topics that entities report on. (Of a state whose model is the same object they are the same.)"""
        return tuple(Filter(topic, keep=True) for topic in state.model.topics)

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """A state that was lost is had again from what is retained; the birth is published a little later."""
        live = state.live
        if why in ("revision", "gap"):
            live = structs.replace(live, refetch=True)
        if self._is_born and not live.is_there:
            live = structs.replace(live, birth_ms=now_ms + _BIRTH_AFTER_MS)
        return state if live is state.live else State(state.model, live)

    def due(self, state: State, now_ms: int) -> Due:
        """See the protocol."""
        live = state.live
        prefixes = (live.prefix,) if live.prefix else tuple(self._sources)
        is_late = 0 < live.birth_ms <= now_ms
        if not live.refetch and not is_late:
            return Due(again_ms=live.birth_ms) if live.birth_ms else NOTHING_DUE
        asked = structs.replace(live, refetch=False, birth_ms=0 if is_late else live.birth_ms)
        births = tuple(Publication(f"{prefix}/status", b"online") for prefix in prefixes) if is_late else ()
        again = tuple(f"{prefix}/{rest}" for prefix in prefixes for rest in ("+/+/config", "+/+/+/config"))
        return Due(births, again if live.refetch else (), asked.birth_ms or None, State(state.model, asked))

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        source, _, child = device.partition("~")
        return described.description(state.model, source, child, state.live.heard)

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        child = device.partition("~")[2]
        if source_of(device) not in self._prefixes or child not in state.model.devices:
            return Refused("unknown_device", "no discovery message tells of it")
        return commands.render(state.model, child, command)


def _source_name(prefix: str) -> str:
    return "ha" if prefix == _USUAL else key_part(f"ha.{prefix}")
