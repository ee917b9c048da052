"""What a Tasmota device is, for people: from its discovery where there is one, else from what it said."""

import re
from typing import Final

from msgspec import structs

from bridge.descriptions import Action, Description, Property
from bridge.dialects.tasmota.model import Thing
from bridge.dialects.tasmota.units import described

# By its will it is there or not, so silence tells little: one that was disconnected cleanly says nothing more (old
# firmware), and TelePeriod is at most 3,600 s.
_STALE_AFTER_S: Final = 3 * 3_600
_ZIGBEE_STALE_AFTER_S: Final = 26 * 3_600  # sensors on batteries say something once a day
_SLEEPS: Final = 3  # so many times may it oversleep
_POWER: Final = re.compile(r"POWER(\d{0,2})\Z")
_SHUTTER: Final = re.compile(r"(Shutter\d{1,2})\.Position\Z")
_PERCENT: Final = re.compile(r"(?:Dimmer\d?|White|Channel\.\d{1,2}|Shutter\d{1,2}\.Position)\Z")
_COLOUR: Final = re.compile(r"(?:Color|HSBColor)\Z")
_RANGES: Final = {"CT": (153, 500), "Speed": (1, 40), "FanSpeed": (0, 3)}


def description_of(thing: Thing, via: str) -> Description:
    """A device's description.

    Args:
        thing: the device.
        via: key of the bridge through which it is reached; empty: none.
    """
    return Description(
        name=thing.name,
        manufacturer="" if thing.bridge else "Tasmota",
        model=thing.model,
        firmware=thing.firmware,
        serial=thing.serial,
        via=via,
        properties=tuple(properties(thing)),
        actions=() if thing.bridge else tuple(actions(thing)),
        stale_after_s=_stale_after_s(thing),
        origin=f"Tasmota {thing.firmware}" if thing.discovered and thing.firmware else "Tasmota",
        dialect="tasmota",
        withdrawn=thing.withdrawn,
    )


def _stale_after_s(thing: Thing) -> int:
    if thing.bridge:
        return _ZIGBEE_STALE_AFTER_S
    return _SLEEPS * thing.sleep_s if thing.sleep_s else _STALE_AFTER_S


def properties(thing: Thing) -> list[Property]:
    """Its metrics: what it was seen to have, and its relays."""
    known = dict(thing.metrics)
    for name in relays(thing):
        known.setdefault(name, "b")
    return [settable(described(metric, kind, thing), thing) for metric, kind in known.items()]


def relays(thing: Thing) -> list[str]:
    """The metrics of its relays and lights, by its discovery; those of shutters are driven by these alone."""
    if len(thing.relays) == 1 and thing.relays[0] in {1, 2}:
        return ["POWER"]
    return [f"POWER{index}" for index, kind in enumerate(thing.relays, start=1) if kind in {1, 2}]


def settable(one: Property, thing: Thing) -> Property:
    """A property with its limits, where it can be set."""
    metric = one.metric
    if thing.bridge:
        return one
    if power := _POWER.match(metric):
        index = int(power[1] or 1)
        can = not thing.relays or (index <= len(thing.relays) and thing.relays[index - 1] in {1, 2})
        label = thing.labels.get(f"POWER{index}", "")
        return structs.replace(one, settable=can, label=label, device_class="switch" if can else "")
    if _PERCENT.match(metric):
        return structs.replace(one, settable=True, low=0, high=100, step=1)
    if metric == "CT" and thing.reduced_ct:
        return structs.replace(one, settable=True, low=200, high=380, step=1)
    if metric in _RANGES:
        low, high = _RANGES[metric]
        return structs.replace(one, settable=True, low=low, high=high, step=1)
    if _COLOUR.match(metric) or metric == "Fade":
        return structs.replace(one, settable=True)
    return one


def actions(thing: Thing) -> list[Action]:
    """What it can be told beside values."""
    powers = [one for one in properties(thing) if one.settable and _POWER.match(one.metric)]
    found = [Action("refresh", "Ask for its values", retry="until_ack", ack="echo")]
    if powers:
        relay = Property("relay", "Relay", "number", low=1, high=max(len(thing.relays), len(powers)), step=1)
        found.append(Action("toggle", "Toggle", args=(relay,), ack="echo"))
    for metric in thing.metrics:
        if shutter := _SHUTTER.match(metric):
            found += [
                Action(f"{shutter[1]}.{word}", word.capitalize(), ack="echo") for word in ("open", "close", "stop")
            ]
    return [*found, Action("restart", "Restart", ack="echo")]
