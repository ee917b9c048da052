"""What a device is: its name, maker and model, the properties that it reports, the actions that it can be told.

Pure. Dialects make descriptions, devices send them (``model``), people correct them. A text that isn't known is empty.
"""

from typing import Literal

from msgspec import Struct

Kind = Literal["number", "boolean", "text", "enum", "json", "location"]
Ack = Literal["exact", "echo", "none"]
"""How a command's end is known: an answer with its id; the value that it sets is reported; not at all."""
Retry = Literal["until_ack", "once"]
"""Whether a command that wasn't answered may be published again: never a toggle, a press, a LoRaWAN downlink."""


class Property(Struct, frozen=True, omit_defaults=True, rename={"device_class": "class"}):
    """One metric of a device, or one argument of an action (then ``metric`` is the argument's name)."""

    metric: str
    label: str = ""
    kind: Kind = "text"
    unit: str = ""  # as people write it: °C, kWh, µg/m³
    device_class: str = ""  # Home Assistant's word for what is measured: temperature, power, door
    state_class: str = ""  # measurement, total, total_increasing
    low: float | None = None
    high: float | None = None
    step: float | None = None
    values: tuple[str, ...] = ()  # of an enum
    settable: bool = False
    diagnostic: bool = False
    available: bool = True
    note: str = ""  # why it can't be had, say: "template not understood: {% for …"


class Action(Struct, frozen=True, omit_defaults=True):
    """Something that a device can be told to do."""

    name: str
    label: str = ""
    args: tuple[Property, ...] = ()
    retry: Retry = "once"
    ack: Ack = "none"


class Description(Struct, frozen=True, omit_defaults=True):
    """What is known of a device."""

    name: str = ""  # as people call it
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""  # its version
    firmware: str = ""  # its version
    serial: str = ""
    area: str = ""
    via: str = ""  # the key of the device through which it is reached
    properties: tuple[Property, ...] = ()
    actions: tuple[Action, ...] = ()
    stale_after_s: int | None = 0  # None: never by silence; 0: the installation's default
    origin: str = ""  # the software that described it, with its version: "zigbee2mqtt 2.12.1"
    dialect: str = ""
    withdrawn: bool = False  # whoever described it has taken that back
