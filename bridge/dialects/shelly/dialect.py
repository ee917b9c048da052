"""Shelly behind the interface of all dialects: topics, payloads and commands are in the modules beside."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

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
from bridge.dialects.forms.names import key_part
from bridge.dialects.shelly import prompts
from bridge.dialects.shelly.commands_gen1 import render_gen1
from bridge.dialects.shelly.commands_gen2 import render_gen2
from bridge.dialects.shelly.description import description_of
from bridge.dialects.shelly.model import Now, Shelly
from bridge.dialects.shelly.reading import read
from bridge.dialects.shelly.topics import ANSWERS, GEN1, MAX_PREFIX_CHARS, Place, place_of
from bridge.messages import Delivery

_UPLINK: Final = ("online", "events/rpc", "status/+", "announce")
_DOWNLINK: Final = ("rpc", "command", "command/+")
_GEN1_DOWNLINK: Final = ("command", "+/+/command", "+/+/command/+", "+/+/set")
_EVERYBODYS: Final = f"{GEN1}/announce"  # each device says the same on a topic of its own
_TO_ALL: Final = f"{GEN1}/command"
_SPREAD_MS: Final = 60_000


class ShellyDialect(SimpleDialect):
    """The Shellys of some sites.

    Args:
        bases: sites. Without a base: prefixes of one level, and Gen1. A base is a prefix with several levels, or what
            stands before the last level of such prefixes: ``keller`` for ``keller/zaehler``.
        topic_root: of Causeway's own dialect.

    Raises:
        ValueError: a base can't be one.
    """

    name = "shelly"
    state_types: tuple[Any, Any] = (Shelly, Now)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites = {one.base.strip("/"): one.site for one in bases}
        for base in self._sites:
            if any(sign in base for sign in "+#\0") or base.startswith("$") or len(base) > MAX_PREFIX_CHARS - 1:
                raise ValueError("a base is no beginning of topic names")
            if base.partition("/")[0] in {topic_root, GEN1, ANSWERS.partition("/")[0]}:
                raise ValueError("a base is under a root that is taken")
        self._bases = tuple(sorted((base for base in self._sites if base), key=len, reverse=True))
        self._root = topic_root

    # ------------------------------------------------------------------------------------------------ topics

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. Events and status changes share a topic: none of them stands for an earlier one."""
        stems = [*(("+",) if "" in self._sites else ()), *(one for base in self._bases for one in (base, f"{base}/+"))]
        found = [Filter(f"{stem}/{what}", keep=what == "events/rpc") for stem in stems for what in _UPLINK]
        found += [Filter(f"{ANSWERS}/{stem}/rpc", keep=True) for stem in stems]
        return (*found, *((Filter(f"{GEN1}/#", keep=True),) if "" in self._sites else ()))

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        stems = [*(("+",) if "" in self._sites else ()), *(one for base in self._bases for one in (base, f"{base}/+"))]
        found = [f"{stem}/{what}" for stem in stems for what in _DOWNLINK]
        return (*found, *((f"{GEN1}/+/{what}" for what in _GEN1_DOWNLINK) if "" in self._sites else ()))

    def route(self, topic: str) -> Sorted | None:
        """See the protocol. That a topic's prefix is a Shelly's shows later; its content may prove the contrary."""
        if topic == _TO_ALL:
            return OWN_DOWNLINK
        if topic == _EVERYBODYS and "" in self._sites:
            return Route(self.name, f"{self._sites['']}/{GEN1}", "everybody")
        found = place_of(topic, self._bases)
        if found is None:
            return None
        if found == "down":
            return OWN_DOWNLINK
        site = self._site(found)
        if site is None or found.prefix.partition("/")[0] in {self._root, "$SYS"}:
            return None
        is_status = found.what == "online" or (found.what == "gen1" and found.detail == "online")
        return Route(self.name, f"{site}/{key_part(found.prefix)}", found.what, found.prefix, status=is_status)

    def _site(self, place: Place) -> str | None:
        """Whose prefix it is."""
        if place.what != "gen1":
            for base in self._bases:
                if place.prefix == base or place.prefix.rpartition("/")[0] == base:
                    return self._sites[base]
        return self._sites.get("") if "/" not in place.prefix else None

    def example(self, source: str) -> str:
        """See the protocol."""
        site, _, part = source.partition("/")
        if self._sites.get("") == site:
            return f"{part}/online"
        base = next((base for base in self._bases if self._sites[base] == site), part)
        return f"{base}/online"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        known: Shelly = state.model
        prefix = known.prefix or device.partition("/")[2]
        if known.gen == 1:
            return (f"{GEN1}/{prefix}/#",)
        return (*(f"{prefix}/{what}" for what in _UPLINK), f"{ANSWERS}/{prefix}/rpc")

    def retained(self, device: str, metrics: Iterable[str], _events: Iterable[str]) -> Iterator[str]:
        """See the protocol. Gen1 retains what its user wants."""
        part = device.partition("/")[2]
        yield f"{part}/online"
        yield from (f"{GEN1}/{part}/{what}" for what in ("online", "announce", "info"))
        yield from (f"{GEN1}/{part}/{metric.replace('.', '/')}" for metric in metrics)

    # ------------------------------------------------------------------------------------------------- state

    def fresh(self) -> State:
        """See the protocol."""
        return State(Shelly(), Now())

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """See the protocol. Those that sleep are asked when they wake."""
        device: Shelly = state.model
        if why != "gateway" or not device.gen or device.sleeps:
            return state
        question = ("update",) if device.gen == 1 else ("status_update" if device.auth else "status",)
        spread = sum(device.prefix.encode(errors="replace")) * 7_919 % _SPREAD_MS
        return State(device, prompts.asking(state.live, question, now_ms + spread))

    def due(self, state: State, now_ms: int) -> Due:
        """See the protocol."""
        return prompts.due(state, now_ms)

    # ---------------------------------------------------------------------------------------------- messages

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if delivery.topic == _EVERYBODYS:
            return Reading()
        place = place_of(delivery.topic, self._bases)
        if place is None or place == "down":
            return Reading(rejected="unknown_topic")
        certain = place.prefix.startswith("shelly") or any(
            place.prefix == base or place.prefix.startswith(f"{base}/") for base in self._bases
        )
        return read(state, delivery, place, certain=certain)

    def describe(self, state: State, _device: str) -> Description | None:
        """See the protocol."""
        device: Shelly = state.model
        return description_of(device) if device.gen else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        known: Shelly = state.model
        if not known.gen or known.prefix.partition("/")[0] == self._root:
            return Refused("unknown_device", device)
        return render_gen1(known, command) if known.gen == 1 else render_gen2(known, command)
