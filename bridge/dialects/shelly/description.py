"""What a Shelly is, for people: from its own answers, and from what it was seen to report."""

import re
from typing import Final

from msgspec import structs

from bridge.descriptions import Action, Description, Property
from bridge.dialects.shelly.model import Shelly
from bridge.dialects.shelly.units import described

# By its will it is there or not; one without a meter may say nothing for hours.
_STALE_AFTER_S: Final = 26 * 3_600
_MAY_OVERSLEEP: Final = 3
_ON_OFF: Final = re.compile(
    r"(?:(?:switch|light|rgb|rgbw|cct):\d+\.output|(?:relay|light|white)\.\d+|(?:light|white|color)\.\d+\.ison)\Z"
)
_POSITION: Final = re.compile(r"(?:cover:\d+\.current_pos|roller\.\d+\.pos)\Z")
_PERCENT: Final = re.compile(
    r"(?:(?:light|rgb|rgbw|cct):\d+\.brightness|(?:light|white|color)\.\d+\.(?:brightness|gain))\Z"
)
_BYTE: Final = re.compile(r"(?:color\.\d+\.(?:red|green|blue|white)|rgbw:\d+\.white)\Z")
_VIRTUAL: Final = re.compile(r"(?:boolean|number|enum|text):\d+\.value\Z")
_TARGET: Final = re.compile(r"thermostats\.\d+\.target_t\.value\Z")
_KELVIN: Final = re.compile(r"cct:\d+\.ct\Z")
_SWITCHED: Final = re.compile(
    r"((?:switch|light|rgb|rgbw|cct):\d+)\.output\Z|((?:relay|light|white)\.\d+)(?:\.ison)?\Z|(color\.\d+)\.ison\Z"
)
_MOVED: Final = re.compile(r"(cover:\d+|roller\.\d+)(?:\.(?:state|current_pos|pos))?\Z")


def description_of(device: Shelly) -> Description:
    """A device's description."""
    return Description(
        name=device.name or (device.prefix if device.prefix != device.serial else ""),
        manufacturer="Shelly",
        model=device.model,
        firmware=device.firmware,
        serial=device.serial,
        properties=tuple(properties(device)),
        actions=tuple(actions(device)),
        stale_after_s=_stale_after_s(device),
        origin="Shelly Gen1" if device.gen == 1 else "Shelly",
        dialect="shelly",
    )


def _stale_after_s(device: Shelly) -> int:
    if device.sleeps and device.sleep_s:
        return _MAY_OVERSLEEP * device.sleep_s
    return _STALE_AFTER_S


def properties(device: Shelly) -> list[Property]:
    """Its metrics."""
    return [settable(described(metric, kind, device)) for metric, kind in device.metrics.items()]


def settable(one: Property) -> Property:
    """A property with its limits, where it can be set."""
    metric = one.metric
    if _ON_OFF.match(metric):
        return structs.replace(one, kind="boolean", unit="", state_class="", settable=True, device_class="switch")
    if _POSITION.match(metric) or _PERCENT.match(metric):
        return structs.replace(one, settable=True, low=0, high=100, step=1)
    if _BYTE.match(metric):
        return structs.replace(one, settable=True, low=0, high=255, step=1, unit="")
    if _KELVIN.match(metric):
        return structs.replace(one, settable=True, low=2_700, high=6_500, step=1)
    if _TARGET.match(metric):
        return structs.replace(one, settable=True, low=4, high=31, step=0.1)
    return structs.replace(one, settable=True) if _VIRTUAL.match(metric) else one


def actions(device: Shelly) -> list[Action]:
    """What it can be told beside values."""
    rpc = device.gen != 1 and not device.auth
    ack = "exact" if rpc else "echo"
    found: dict[str, Action] = {}
    for metric in device.metrics:
        if switched := _SWITCHED.match(metric):
            name = f"{next(filter(None, switched.groups()))}.toggle"
            found[name] = Action(name, "Toggle", ack=ack)  # type: ignore[arg-type]
        elif moved := _MOVED.match(metric):
            for word in ("open", "close", "stop"):
                name = f"{moved[1]}.{word}"
                found[name] = Action(name, word.capitalize(), ack=ack)  # type: ignore[arg-type]
    found["refresh"] = Action("refresh", "Ask for its values")
    if rpc:
        found["reboot"] = Action("reboot", "Restart", ack="exact")
    return list(found.values())
