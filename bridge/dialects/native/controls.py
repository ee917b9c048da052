"""The controls by which Home Assistant sets what native devices have settable, and has them do things. Pure.

    settable  boolean            switch; with the class ``light`` a light, with its brightness if there is one
              number             number, within its range and by its step
              enum with values   select
              text, enum         text
    action without arguments     button

What is published on their topics is read back by the same description that made them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from bridge.dialects.native.control_topics import ControlTopics, identifier
from bridge.json_limits import text_fault

MAX_PAYLOAD_BYTES: Final = 1024
SET: Final = "set"  # the command that sets values by metric
_ON, _OFF, _PRESS = b"ON", b"OFF", b"PRESS"
_MOST_TEXT_CHARS: Final = 255  # Home Assistant's bound for a state
_WIDE: Final = 1e9  # of a number whose range nobody has said
_LEAST_STEP: Final = 0.001  # Home Assistant's
_WHOLE: Final = 2**53

Described = Mapping[str, Any]  # a property, or an action, as JSON (bridge.dialects.forms.description_words)
Asked = tuple[str, dict[str, Any]]  # a command's name and arguments


def is_control(described: Described) -> bool:
    """Whether a property is shown as something that can be set."""
    return bool(described.get("settable")) and _kind(described) in ("boolean", "number", "enum", "text")


def control(topics: ControlTopics, device: str, described: Described) -> dict[str, Any]:
    """What makes an entity of a property one that can be set; its values are read as a sensor's are."""
    command = {"cmd_t": topics.control(device, "set", identifier(described["metric"]))}
    match _kind(described):
        case "boolean":
            return {"p": "switch", **command}
        case "number":
            return {"p": "number", **command, **_range(described), "mode": "auto" if _is_bounded(described) else "box"}
        case "enum":
            return {"p": "select", **command, "ops": list(described["values"])}
        case _:
            return {"p": "text", **command, "max": _MOST_TEXT_CHARS}


def brightness_of(described: Described, properties: Mapping[str, Described]) -> Described | None:
    """The property that is the brightness of a light; None: the light has none, or it is no light."""
    if _kind(described) != "boolean" or described.get("class") != "light":
        return None
    metric = described["metric"]
    parent, dot, _ = metric.rpartition(".")
    names = (f"{metric}.brightness", f"{metric}_brightness", f"{parent}{dot}brightness")
    found = (one for name in names if (one := properties.get(name)) and is_control(one) and _kind(one) == "number")
    return next((one for one in found if (one.get("low") or 0) in (0, 1) and (one.get("high") or 0) > 1), None)


def light(topics: ControlTopics, device: str, described: Described, brightness: Described | None) -> dict[str, Any]:
    """What makes an entity a light. Its values' templates have other names: the caller gives them."""
    found: dict[str, Any] = {"p": "light", "cmd_t": topics.control(device, "set", identifier(described["metric"]))}
    if brightness:
        found["bri_cmd_t"] = topics.control(device, "set", identifier(brightness["metric"]))
        found["bri_scl"] = brightness["high"]
    return found


def buttons(topics: ControlTopics, device: str, actions: Iterable[Described]) -> Iterator[tuple[str, dict[str, Any]]]:
    """An entity for each action that takes nothing, with its name among the device's entities."""
    for action in _pressed(actions):
        name = identifier(action["name"])
        more = {"name": action.get("label") or action["name"], "cmd_t": topics.control(device, "do", name)}
        yield f"{name}--do", {"p": "button", **more}


def asked(description: Described, verb: str, control_id: str, payload: bytes) -> Asked | None:
    """The command that Home Assistant asks for; None: the device has no such control, or it takes no such value."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    if verb == "do":
        actions = _pressed(description.get("actions", ()))
        pressed = next((one for one in actions if identifier(one["name"]) == control_id), None)
        return (pressed["name"], {}) if pressed and payload == _PRESS else None
    settable = (one for one in description.get("properties", ()) if is_control(one))
    found = next((one for one in settable if identifier(one["metric"]) == control_id), None)
    value = _value(found, payload) if found else None
    return None if found is None or value is None else (SET, {found["metric"]: value})


def _pressed(actions: Iterable[Described]) -> Iterator[Described]:
    return (one for one in actions if not one.get("args") and one["name"] != SET)


def _kind(described: Described) -> str:
    """The kind of control; empty: none."""
    kind = str(described.get("kind", "text"))
    if kind == "enum" and not described.get("values"):
        return "text"
    return "" if kind == "number" and not _has_range(described) else kind


def _has_range(described: Described) -> bool:
    low, high = _ends(described)
    return low < high


def _ends(described: Described) -> tuple[float, float]:
    low, high = described.get("low"), described.get("high")
    return (-_WIDE if low is None else low), (_WIDE if high is None else high)


def _is_bounded(described: Described) -> bool:
    return described.get("low") is not None and described.get("high") is not None


def _range(described: Described) -> dict[str, Any]:
    low, high = _ends(described)
    return {"min": low, "max": high, "step": max(described.get("step") or _LEAST_STEP, _LEAST_STEP)}


def _value(described: Described, payload: bytes) -> Any:
    """The value that a payload says; None: none that the property could have."""
    if _kind(described) == "boolean":
        return {_ON: True, _OFF: False}.get(payload)
    try:
        text = payload.decode()
        return _number(text) if _kind(described) == "number" else _text(text)
    except ValueError:
        return None


def _number(text: str) -> int | float | None:
    number = float(text) if "_" not in text else math.nan
    if not math.isfinite(number) or abs(number) > _WHOLE:
        return None
    return int(number) if number.is_integer() else number


def _text(text: str) -> str | None:
    return None if text_fault(text) or len(text) > _MOST_TEXT_CHARS else text
