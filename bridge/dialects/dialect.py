"""What a dialect is: how it sorts topics, what its messages say of which device, how it has something published.

    gateway   topic name ──route──> Route, or whose it is instead
    worker    Delivery ──read──> Reading: what was said of which device
    worker    a command, a desired document ──render──> Publication, which the gateway sends as it is

The unit of shard, order and state is the *source*: whatever publishes on topics of its own. In Causeway's own dialect
that is the device; in others one source may speak for many devices, ``source~child`` (bridge.shards).
"""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from msgspec import Struct

from bridge.messages import Delivery
from bridge.observations import Decoded

NATIVE: Final = ""  # the name of Causeway's own dialect: on the layer it costs a byte a message


class Route(Struct, frozen=True, array_like=True):
    """An uplink topic understood."""

    dialect: str  # its name
    source: str  # a device key: who speaks
    kind: str  # the dialect's own word for what kind of payload it is
    detail: str = ""  # what else the topic names, for read()
    status: bool = False  # it may say that a device is there or gone: the gateway sends a marker behind it


class OwnDownlink(Struct, frozen=True):
    """A topic on which Causeway itself publishes; a subscription with a wildcard brings it back."""


class RejectedTopic(Struct, frozen=True):
    """A topic that is nobody's."""

    reason: str


OWN_DOWNLINK = OwnDownlink()
Sorted = Route | OwnDownlink | RejectedTopic


class Said(Struct, frozen=True):
    """What a message says of one device."""

    device: str  # the source's key, or source~child
    what: Decoded


class Reading(Struct, frozen=True):
    """All that a message says, in its order."""

    said: tuple[Said, ...] = ()
    rejected: str = ""  # why, where nothing was said


class Command(Struct, frozen=True):
    """A command to render."""

    command_id: str
    name: str
    args: bytes  # JSON
    expires_ms: int  # Unix ms; not to be published after that


class Publication(Struct, frozen=True):
    """A PUBLISH, finished but for its time."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expires_ms: int = 0  # Unix ms; not published after that; 0: never too late. MQTT 5 tells the broker, too
    correlation: bytes = b""  # correlation data, with MQTT 5; empty: none
    response_topic: str = ""  # with MQTT 5; "": none


class Dialect(Protocol):
    """One dialect under the installation's options. Pure and immutable; no method raises, whatever comes."""

    @property
    def name(self) -> str:
        """Unlike any other's; stored with what depends on it."""

    def filters(self) -> tuple[str, ...]:
        """The topic filters that bring its uplink; none overlaps with another's."""

    def route(self, topic: str) -> Sorted | None:
        """Whose topic it is; None: none of this dialect's, the next one is asked."""

    def example(self, source: str) -> str:
        """A topic name on which this source publishes: the gateway whose filters match it serves the source."""

    def fresh(self) -> Any:
        """What is known of a source at first. (None is stored yet: read() always gets a fresh one.)"""

    def read(self, state: Any, delivery: Delivery) -> Reading:
        """What a delivery that was routed to this dialect says."""

    def render(self, device: str, command: Command) -> Publication:
        """A command to a device, ready to be published."""

    def render_desired(self, device: str, payload: bytes) -> Publication | None:
        """What a device's reported state still lacks (JSON, docs/mqtt.md), for it to find. None: this can't be said."""

    def retained(self, device: str, metrics: Iterable[str], events: Iterable[str]) -> Iterable[str]:
        """The topic names on which a broker may retain something of a device with these metrics and events."""
