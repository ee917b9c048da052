"""Sparkplug B behind the interface of all dialects."""

from collections.abc import Sequence
from typing import Final

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
    RejectedTopic,
    Rendered,
    Route,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.names import key_part, key_part_of
from bridge.dialects.sparkplug import births, commands, reading, sequence
from bridge.dialects.sparkplug.model import NODE, Live, Node
from bridge.json_limits import MalformedError, decode_json
from bridge.messages import Delivery
from bridge.topic_filters import topic_name_error

NAME: Final = "sparkplug"
_NAMESPACE: Final = "spBv1.0"
_OF_NODES: Final = frozenset({"NBIRTH", "NDEATH", "NDATA"})
_OF_DEVICES: Final = frozenset({"DBIRTH", "DDEATH", "DDATA"})
_ASKED_FOR_MS: Final = 60_000  # so long a request for a rebirth is worth sending


class SparkplugDialect(SimpleDialect):
    """The bases' edge nodes.

    Args:
        bases: ``spBv1.0`` for all groups (the default), ``spBv1.0/plant1`` for one.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base is neither.
    """

    name = NAME
    revision = 1
    state_types = (Node, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites: Final = {
            (one.base or _NAMESPACE).partition("/")[2]: one.site for one in bases
        }  # by group; "": all
        for one in bases:
            namespace, _, group = (one.base or _NAMESPACE).partition("/")
            if namespace != _NAMESPACE or "/" in group or topic_root == _NAMESPACE or topic_name_error(one.base or "-"):
                raise ValueError(f"its base is {_NAMESPACE}, or {_NAMESPACE}/ and a group")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol: a birth may be large, and each message counts."""
        kinds = (*sorted(_OF_NODES), *sorted(_OF_DEVICES))
        return tuple(
            Filter(
                f"{_NAMESPACE}/{group or '+'}/{kind}/+{'' if kind in _OF_NODES else '/+'}",
                keep=True,
                retained="never" if kind.endswith("DATA") else "news",
                big=kind.endswith("BIRTH"),
            )
            for group in self._sites
            for kind in kinds
        )

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        groups = [group or "+" for group in self._sites]
        told = (f"{_NAMESPACE}/{group}/{levels}" for group in groups for levels in ("NCMD/+", "DCMD/+/+"))
        return (*told, f"{_NAMESPACE}/STATE/+")

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        namespace, *levels = topic.split("/")
        if namespace != _NAMESPACE or not levels:
            return None
        if levels[0] == "STATE":  # of a host application: of ours, or another's
            return OWN_DOWNLINK
        site = self._sites.get(levels[0], self._sites.get(""))
        if site is None:
            return None
        match levels:
            case [group, kind, node] if kind in _OF_NODES and group and node:
                return Route(NAME, f"{site}/{key_part_of(group, node)}", kind, status=not kind.endswith("DATA"))
            case [group, kind, node, device] if kind in _OF_DEVICES and group and node and device:
                return Route(NAME, f"{site}/{key_part_of(group, node)}", kind, device, not kind.endswith("DATA"))
            case [_, "NCMD", _] | [_, "DCMD", _, _]:
                return OWN_DOWNLINK
            case [_, kind, *_] if kind in _OF_NODES | _OF_DEVICES | {"NCMD", "DCMD"}:
                return RejectedTopic("odd_levels")
        return RejectedTopic("unknown_suffix")

    def example(self, source: str) -> str:
        """See the protocol."""
        site = source.partition("/")[0]
        group = next((group for group, one in self._sites.items() if one == site), "")
        return f"{_NAMESPACE}/{group or 'group'}/NDATA/node"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        node: Node = state.model
        of_node, name = f"{_NAMESPACE}/{node.group}/+/{node.node}", _named(node, device)
        if not node.node:
            return ()
        return (f"{of_node}/{name}",) if name else (of_node, f"{of_node}/+")

    def fresh(self) -> State:
        """See the protocol."""
        return State(Node(), Live())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        _, group, _, node = delivery.topic.split("/")[:4]
        return reading.read(state, delivery, group, node)

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """See the protocol."""
        return State(state.model, sequence.joined(state.live, why, now_ms))

    def due(self, state: State, now_ms: int) -> Due:
        """See the protocol: a rebirth, when messages were lost."""
        at_ms = sequence.asked_at(state.live)
        if not at_ms or not state.model.node:
            return NOTHING_DUE
        if now_ms < at_ms:
            return Due(again_ms=at_ms)
        live = sequence.asked(state.live, now_ms)
        publication = commands.rebirth(_NAMESPACE, state.model, now_ms, now_ms + _ASKED_FOR_MS)
        return Due((publication,), again_ms=sequence.asked_at(live), state=State(state.model, live))

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        name = _named(state.model, device)
        return None if name is None else births.description(device.partition("~")[0], state.model, name)

    def render(self, state: State, device: str, command: Command, now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        name = _named(state.model, device)
        if name is None:
            return Refused("unknown_device", "it was not born yet")
        try:
            args = decode_json(command.args)
        except MalformedError:
            return Refused("bad_args", "no JSON")
        topic = commands.topic_of(_NAMESPACE, state.model, name)
        return commands.render(topic, state.model.tables[name], command.name, args, now_ms, command.expires_ms)


def _named(node: Node, device: str) -> str | None:
    """Which one has this key; None: none that was born."""
    part = device.partition("~")[2]
    if not part:
        return NODE if NODE in node.tables else None
    return next((name for name in node.tables if name and key_part(name) == part), None)
