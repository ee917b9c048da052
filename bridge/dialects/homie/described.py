"""Models from what devices publish: version 5's ``$description``, version 4's attributes."""

from typing import Any

from msgspec.structs import replace

from bridge.dialects.homie.model import MOST_PROPERTIES, Device, Property, is_level, short
from bridge.json_limits import MAX_MESSAGE_LEAVES, MalformedError, check_size, decode_json, json_type


def from_json(payload: bytes) -> Device:
    """A version 5 device from its ``$description``.

    Raises:
        MalformedError: it is no JSON object, or too large.
    """
    value = decode_json(payload)
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"$description is {json_type(value)}")
    check_size(value, MAX_MESSAGE_LEAVES)
    properties = {
        f"{node}/{name}": _property(one)
        for node, inner in _members(value.get("nodes"))
        for name, one in _members(inner.get("properties"))
    }
    return Device(
        homie=short(value.get("homie"))[:16] or "5",
        name=short(value.get("name")),
        properties=dict(list(properties.items())[:MOST_PROPERTIES]),
        root=short(value.get("root")),
        parent=short(value.get("parent")),
        complete=True,
    )


def _members(value: Any) -> list[tuple[str, dict[str, Any]]]:
    found = value.items() if isinstance(value, dict) else ()
    return [(name, inner) for name, inner in found if is_level(name) and isinstance(inner, dict)]


def _property(value: dict[str, Any]) -> Property:
    return Property(
        datatype=short(value.get("datatype")) or "string",
        name=short(value.get("name")),
        format=short(value.get("format")),
        unit=short(value.get("unit")),
        settable=value.get("settable") is True,
        retained=value.get("retained") is not False,
    )


def with_attribute(device: Device, name: str, text: str) -> Device:
    """A version 4 device after one more of its attributes ("$name", "pump/on/$unit"); empty: it is taken back."""
    if device.withdrawn and not text:
        return device
    attributes = dict(device.attributes)
    if text:
        attributes[name] = short(text)
    else:
        attributes.pop(name, None)
    unchanged = attributes == device.attributes and not device.withdrawn
    if unchanged or len(attributes) > 8 * MOST_PROPERTIES:
        return device
    properties = _announced(attributes)
    return replace(
        device,
        homie=attributes.get("$homie", "4")[:16],
        name=attributes.get("$name", ""),
        firmware=attributes.get("$fw/version", ""),
        model=attributes.get("$fw/name", ""),
        serial=attributes.get("$mac", ""),
        attributes=attributes,
        properties=properties or {},
        complete=properties is not None,
        withdrawn=False,
    )


def _announced(attributes: dict[str, str]) -> dict[str, Property] | None:
    """All properties that the nodes have; None: something that was announced didn't come yet."""
    if "$nodes" not in attributes:
        return None
    found: dict[str, Property] = {}
    for node in _listed(attributes["$nodes"]):
        if f"{node}/$properties" not in attributes:
            return None
        for name in _listed(attributes[f"{node}/$properties"]):
            path = f"{node}/{name}"
            if f"{path}/$datatype" not in attributes:
                return None
            if len(found) < MOST_PROPERTIES:
                found[path] = _with_attributes(path, attributes)
    return found


def _with_attributes(path: str, attributes: dict[str, str]) -> Property:
    return Property(
        datatype=attributes[f"{path}/$datatype"],
        name=attributes.get(f"{path}/$name", ""),
        format=attributes.get(f"{path}/$format", ""),
        unit=attributes.get(f"{path}/$unit", ""),
        settable=attributes.get(f"{path}/$settable") == "true",
        retained=attributes.get(f"{path}/$retained") != "false",
    )


def _listed(text: str) -> list[str]:
    return [name for name in (part.strip().removesuffix("[]") for part in text.split(",")) if is_level(name)]
