"""Homie behind the interface of all dialects."""

from collections.abc import Sequence
from typing import Final, cast

from msgspec.structs import replace

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    NOTHING_DUE,
    Base,
    Command,
    Due,
    Filter,
    Joined,
    Reading,
    Refused,
    Rendered,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.names import key_part
from bridge.dialects.homie import commands, reading
from bridge.dialects.homie.model import Device, Live, Model
from bridge.dialects.homie.topics import NAME, sorted_topic
from bridge.json_limits import MalformedError, decode_json
from bridge.messages import Delivery
from bridge.topic_filters import topic_name_error

_SETTLED_MS: Final = 1_000  # so long after the last description what is retained is asked for, all at once
_FETCH_MS: Final = 60_000  # at the soonest after the last time


class HomieDialect(SimpleDialect):
    """The bases' devices.

    Args:
        bases: their base topics, by default ``homie``.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base can't be one.
    """

    name = NAME
    revision = 1
    state_types = (Model, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._bases: Final = {f"{one.site}/{key_part(one.base or NAME)}": one.base or NAME for one in bases}
        if any(base.split("/")[0] == topic_root or topic_name_error(base) for base in self._bases.values()):
            raise ValueError("its base is a topic without wildcards, outside of Causeway's own")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. What isn't retained is an event: none is left out for a newer one."""
        return tuple(Filter(f"{base}/#", keep=True) for base in self._bases.values())

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(f"{base}/{levels}" for base in self._bases.values() for levels in ("+/+/+/set", "5/+/+/+/set"))

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for source, base in self._bases.items():
            if topic.startswith(base) and topic[len(base) : len(base) + 1] == "/":
                return sorted_topic(source, topic[len(base) + 1 :])
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        return f"{self._bases.get(source, NAME)}/5/device/$state"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        source, _, part = device.partition("~")
        base, name = self._bases.get(source), _named(state.model, part)
        if base is None:
            return ()
        return (f"{_stem(base, name, state.model[name])}/#",) if name else (f"{base}/#",)

    def fresh(self) -> State:
        """See the protocol."""
        return State({}, Live())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        return reading.read(state, delivery)

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """See the protocol: what was known and is no more comes again from what the broker retains."""
        if why in ("new", "gateway"):
            return state
        return State(state.model, replace(state.live, described_ms=now_ms))

    def due(self, state: State, now_ms: int) -> Due:
        """See the protocol: once devices are known, all that they retain is to come again."""
        live: Live = state.live
        if not live.described_ms:
            return NOTHING_DUE
        at_ms = max(live.described_ms + _SETTLED_MS, live.fetched_ms + _FETCH_MS)
        if now_ms < at_ms:
            return Due(again_ms=at_ms)
        fetched = State(state.model, replace(live, described_ms=0, fetched_ms=now_ms))
        return Due(refetch=tuple(one.topic_filter for one in self.filters()), state=fetched)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        source, _, part = device.partition("~")
        name = _named(state.model, part)
        return reading.description(source, name, state.model[name]) if name else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        source, _, part = device.partition("~")
        name, base = _named(state.model, part), self._bases.get(source)
        if not name or base is None or state.model[name].withdrawn:
            return Refused("unknown_device", "it has not described itself")
        try:
            args = decode_json(command.args)
        except MalformedError:
            return Refused("bad_args", "no JSON")
        one = cast("Model", state.model)[name]
        return commands.render(_stem(base, name, one), one, command.name, args, command.expires_ms)


def _stem(base: str, name: str, one: Device) -> str:
    """What a device's topics begin with."""
    return f"{base}/{name}" if one.attributes else f"{base}/5/{name}"


def _named(model: Model, part: str) -> str:
    """The device with this part of a key; empty: none that is known."""
    if part in model and key_part(part) == part:
        return part if model[part].complete else ""
    return next((name for name, one in model.items() if one.complete and key_part(name) == part), "")
