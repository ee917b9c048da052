"""What a device is, as a type for the documentation: its JSON Schema is published (docs/description.schema.json)."""

from typing import Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from bridge.descriptions import Ack, Kind, Retry
from devices.rules.described.descriptions import Source

_BY = "whose word it is: a person's beats the device's, that beats its dialect's"


class Argument(Schema):
    """An argument of an action."""

    model_config = ConfigDict(extra="forbid", title="Argument")

    metric: str = Field(description="its name")
    label: str | None = Field(None, description="as people call it")
    kind: Kind | None = Field(None, description="of its values")
    unit: str | None = Field(None, description="as people write it", examples=["°C"])
    device_class: str | None = Field(None, alias="class", description="Home Assistant's word for what is measured")
    state_class: str | None = Field(None, description="measurement, total or total_increasing")
    low: float | None = None
    high: float | None = None
    step: float | None = Field(None, gt=0)
    values: list[str] | None = Field(None, description="of an enum")
    settable: bool | None = Field(None, description="by the command set")
    diagnostic: bool | None = Field(None, description="of interest to who looks after the device only")
    available: bool | None = None
    note: str | None = Field(None, description="why it can't be had, say")


class Property(Argument):
    """A metric of the device."""

    model_config = ConfigDict(extra="forbid", title="Property")

    metric: str = Field(description="the metric's name")
    set_by: Source | None = Field(None, description=_BY)


class Action(Schema):
    """Something that the device can be told to do: a command of this name."""

    model_config = ConfigDict(extra="forbid", title="Action")

    name: str
    label: str | None = None
    args: list[Argument] | None = None
    retry: Retry | None = Field(None, description="once: it is never sent a second time")
    ack: Ack | None = Field(None, description="how its end is known: an answer, the value that it sets, not at all")


class Description(Schema):
    """What a device is. What isn't known is left out."""

    model_config = ConfigDict(extra="forbid", title="Description")

    name: str | None = Field(None, description="as people call it")
    manufacturer: str | None = None
    model: str | None = None
    hardware: str | None = Field(None, description="its version")
    firmware: str | None = Field(None, description="its version")
    serial: str | None = None
    area: str | None = None
    via: str | None = Field(None, description="the key of the device through which it is reached")
    stale_after_s: int | Literal["never"] | None = Field(None, description="how long it may be silent, in seconds")
    properties: list[Property] | None = None
    actions: list[Action] | None = None
    dialect: str | None = Field(None, description="in which it was described")
    origin: str | None = Field(None, description="the software that described it")
    withdrawn: bool | None = Field(None, description="whoever described it has taken that back")
    set_by: dict[str, Source] | None = Field(None, description=f"of the fields that are no lists of such: {_BY}")
