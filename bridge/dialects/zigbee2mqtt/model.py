"""What is remembered of a bridge: its members by their friendly names, each with what its payloads mean.

``bridge/devices`` has some 23 KB a device; of that about 1 KB stays.
"""

from functools import cached_property
from typing import Any, Final

from msgspec import Struct

from bridge.descriptions import Kind

PUBLISHED: Final = 1  # bits of ``access`` (zigbee-herdsman-converters, lib/exposes)
SET: Final = 2
GET: Final = 4


class Feature(Struct, frozen=True, omit_defaults=True):
    """One value that a device exposes."""

    path: tuple[str, ...]  # of members in its payload
    label: str = ""
    kind: Kind = "text"
    unit: str = ""
    access: int = PUBLISHED
    low: float | None = None
    high: float | None = None
    step: float | None = None
    values: tuple[str, ...] = ()
    on: Any = None  # what is published for true, and for false; booleans stay what they are
    off: Any = None
    toggle: str = ""
    diagnostic: bool = False
    of: str = ""  # the specific type that it is a part of: light, switch, climate, …

    @property
    def metric(self) -> str:
        """Its metric's name."""
        return ".".join(self.path)

    @property
    def is_settable(self) -> bool:
        """Whether it is a property that can be set; what can only be set is an action."""
        return self.access & (SET | PUBLISHED) == SET | PUBLISHED


class Member(Struct, frozen=True, omit_defaults=True, dict=True):
    """A device or group of the network."""

    child: str  # of its key: the IEEE address, or ``group.1``
    name: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    sleepy: bool = False  # on battery, or an end device: silent for hours
    features: tuple[Feature, ...] = ()
    members: tuple[str, ...] = ()  # of a group: IEEE addresses

    @property
    def is_group(self) -> bool:
        """Whether it is a group, not a device."""
        return self.child.startswith("group.")

    @cached_property
    def booleans(self) -> tuple[tuple[str, Any, Any], ...]:
        """Metrics that have words for true and false: name, true's, false's."""
        return tuple((one.metric, one.on, one.off) for one in self.features if one.kind == "boolean")

    @cached_property
    def by_metric(self) -> dict[str, Feature]:
        """The features by their metrics' names."""
        return {one.metric: one for one in self.features}


class Model(Struct, frozen=True, omit_defaults=True):
    """A bridge and its network."""

    version: str = ""  # of Zigbee2MQTT
    output: str = ""  # json, attribute, attribute_and_json; empty: not known yet
    availability: bool = False  # whether it says which devices are there
    coordinator: str = ""  # its type
    serial: str = ""  # the coordinator's IEEE address
    members: dict[str, Member] = {}  # by friendly name, devices before groups

    def member(self, child: str) -> Member | None:
        """Whoever has this part in its key."""
        return next((one for one in self.members.values() if one.child == child), None)


class Live(Struct, frozen=True, omit_defaults=True):
    """What changes often."""

    base: str = ""  # its base topic
    missed: bool = False  # something came for a name that isn't known
    refetch: bool = False  # what is retained is to come again
    refetched_ms: int = 0  # Unix ms; when that was asked for last
