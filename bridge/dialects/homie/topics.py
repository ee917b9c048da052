"""Homie's topics under one base, both versions'. The detail of a route is ``version/device/…``, without the base."""

from typing import Final

from bridge.dialects.dialect import OWN_DOWNLINK, RejectedTopic, Route, Sorted

NAME: Final = "homie"
_DEVICE_ATTRIBUTES: Final = frozenset({"$homie", "$name", "$nodes", "$implementation", "$mac"})
_NODE_ATTRIBUTES: Final = frozenset({"$name", "$type", "$properties"})
_PROPERTY_ATTRIBUTES: Final = frozenset({"$name", "$datatype", "$format", "$settable", "$retained", "$unit"})


def sorted_topic(source: str, rest: str) -> Sorted:
    """Sort what follows the base and its slash."""
    levels = rest.split("/")
    version = "4"
    if levels[0] == "5":
        version, levels = "5", levels[1:]
    if len(levels) < 2 or not all(levels):
        return RejectedTopic("odd_levels")
    if levels[0] == "$broadcast" or levels[-1] == "set":
        return OWN_DOWNLINK
    if levels[0].startswith("$"):
        return RejectedTopic("unknown_suffix")
    kind = _kind(version, levels[1:])
    if kind in ("ignored", "unknown_suffix"):
        return RejectedTopic(kind)
    return Route(NAME, source, kind, "/".join((version, *levels)), status=kind == "state")


def _kind(version: str, levels: list[str]) -> str:
    """What the levels behind the device's stand for."""
    if levels == ["$state"]:
        return "state"
    if version == "4" and (levels[0].startswith("$") or levels[-1].startswith("$")):
        return "attribute" if _is_attribute(levels) else "ignored"
    match levels:
        case ["$description"]:
            return "description"
        case ["$log" | "$alert", _]:
            return levels[0][1:]
        case [node, name] if not node.startswith("$") and not name.startswith("$"):
            return "value"
        case [node, name, "$target"] if not node.startswith("$") and not name.startswith("$"):
            return "target"
    return "unknown_suffix"


def _is_attribute(levels: list[str]) -> bool:
    match levels:
        case [attribute]:
            return attribute in _DEVICE_ATTRIBUTES
        case ["$fw", part]:
            return part in ("name", "version")
        case [_, attribute]:
            return attribute in _NODE_ATTRIBUTES
        case [_, _, attribute]:
            return attribute in _PROPERTY_ATTRIBUTES
    return False
