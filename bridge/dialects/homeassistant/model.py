"""What is remembered of a discovery prefix: entities, the devices that they belong to, the topics that they name."""

from typing import Final, Literal

from msgspec import Struct

from bridge.descriptions import Kind

MOST_ENTITIES: Final = 5_000
MOST_ON_A_TOPIC: Final = 200  # entities that one message concerns
MOST_TOPICS: Final = 10_000

Form = Literal["", "object", "event", "trigger"]
"""What a topic brings for a feature: a value; an object whose members are values; an event of its type; the trigger
of an event, when its payload is the one."""


class Order(Struct, frozen=True, omit_defaults=True):
    """How a feature is set, or an action told."""

    topic: str
    template: str = ""
    on: str = ""  # for true
    off: str = ""  # for false
    member: str = ""  # of a JSON object, instead of the payload itself


class Feature(Struct, frozen=True, omit_defaults=True):
    """One value of an entity."""

    name: str = ""  # behind the entity's; "": it has but one
    kind: Kind = "text"
    form: Form = ""
    topic: str = ""  # on which it is reported
    template: str = ""
    on: str = ""  # what is reported for true, and for false
    off: str = ""
    words: dict[str, str] = {}  # of what is reported, where it has other words than Home Assistant
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    values: tuple[str, ...] = ()
    order: Order | None = None
    note: str = ""


class Told(Struct, frozen=True, omit_defaults=True):
    """An action of an entity."""

    name: str  # behind the entity's; "": it has but one
    order: Order
    payload: str = ""
    argument: str = ""  # its only argument, a text that is the payload; "": it has none
    shown_by: str = ""  # the feature that tells of its effect; "": nothing does


class Availability(Struct, frozen=True, omit_defaults=True):
    """A topic that says whether an entity is available."""

    topic: str
    yes: str = "online"
    no: str = "offline"
    template: str = ""


class Entity(Struct, frozen=True, omit_defaults=True):
    """One entity."""

    device: str  # the child in the key of its device
    metric: str  # its values' name, or how these begin
    component: str = ""
    label: str = ""
    device_class: str = ""
    state_class: str = ""
    diagnostic: bool = False
    retain: bool = False  # of what it is told
    features: tuple[Feature, ...] = ()
    actions: tuple[Told, ...] = ()
    availability: tuple[Availability, ...] = ()
    mode: Literal["latest", "all", "any"] = "latest"
    expire_s: int = 0  # how long a value is good; 0: it isn't said

    def name_of(self, feature: str) -> str:
        """The name of one of its metrics or actions."""
        return f"{self.metric}.{feature}" if feature else self.metric

    def topics(self) -> set[str]:
        """All topics that it wants to hear."""
        found = {one.topic for one in self.features} | {one.topic for one in self.availability}
        return found - {""}


class Known(Struct, frozen=True, omit_defaults=True):
    """A device."""

    name: str = ""
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""
    firmware: str = ""
    serial: str = ""
    area: str = ""
    via: str = ""  # identifier of the device through which it is reached
    origin: str = ""
    by_connection: bool = False  # its key is: no identifier is known
    entities: tuple[str, ...] = ()  # by topic of discovery, in order
    made: bool = False  # it was heard: it is a device, not only a description


class Model(Struct, frozen=True, omit_defaults=True):
    """All of a prefix."""

    entities: dict[str, Entity] = {}  # by topic of discovery, with ``#`` and the component's id
    devices: dict[str, Known] = {}  # by child
    aliases: dict[str, str] = {}  # identifiers and connections, with the child that has them
    topics: dict[str, tuple[str, ...]] = {}  # entities by topic filter
    wildcards: tuple[str, ...] = ()  # those of the topic filters that have one


class Live(Struct, frozen=True, omit_defaults=True):
    """What changes often."""

    prefix: str = ""
    heard: dict[str, tuple[int, str]] = {}  # by topic of availability: a number that grows, the payload
    refetch: bool = False  # what is retained is to come again
    birth_ms: int = 0  # Unix ms; when Home Assistant's birth is to be published; 0: not
    is_there: bool = False  # a real Home Assistant is
