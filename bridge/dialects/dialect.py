"""What a dialect is: how it sorts topics, what its messages say of which device, how it has something published.

    gateway   topic name ──route──> Route, or whose it is instead
    worker    state, Delivery ──read──> Reading: what was said of which device, and the state after it
    worker    state, a command ──render──> Rendered, whose publications the gateway sends as they are
    worker    state, time ──due──> Due: what the source has to be asked

The unit of shard, order and state is the *source*: whatever publishes on topics of its own. In Causeway's own dialect
that is the device; in others one source may speak for many devices, ``source~child`` (bridge.shards).

A source's state is kept in the transaction of what its messages did: it has seen exactly what the devices have.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

from bridge.descriptions import Ack, Description, Retry
from bridge.messages import Delivery
from bridge.observations import Decoded, Malformed, Scalar

NATIVE: Final = ""  # the name of Causeway's own dialect: on the layer it costs a byte a message

Joined = Literal["new", "gateway", "revision", "gap"]
"""Why a source's state begins or goes on: it is first heard of; its gateway connected anew (QoS 0 may be lost); our
code has another revision, the state is a fresh one; its state could not be read, it is a fresh one."""


class Base(Struct, frozen=True):
    """Where one dialect is spoken: an entry of the setting DIALECTS, ``name=base@site``."""

    site: str  # of the devices' keys
    base: str = ""  # base topic or pattern; "": the dialect's usual one


class Filter(Struct, frozen=True):
    """A topic filter to subscribe to.

    Of filters that match one topic the one with the longest literal beginning owns it: its qos, keep and big count.
    """

    topic_filter: str
    qos: int = 1
    keep: bool = False  # at QoS 0, under pressure: an older message is not dropped for a newer one of its topic
    retained: Literal["news", "always", "never"] = "news"  # Retain Handling 1, 0 (once for each refetch), 2
    big: bool = False  # its messages may have up to 8 MiB: descriptions of whole fleets


class Route(Struct, frozen=True, array_like=True):
    """An uplink topic understood."""

    dialect: str  # its name
    source: str  # a device key: who speaks
    kind: str  # the dialect's own word for what kind of payload it is
    detail: str = ""  # what else the topic names, for read()
    status: bool = False  # it may say that a device is there or gone: the gateway sends a marker behind it


class WantedFilter(Struct, frozen=True):
    """A dynamic filter, and which source of which dialect wants it (``Dialect.wanted``)."""

    dialect: str  # its name
    source: str  # a device key
    filter: Filter


TOPIC: Final = "topic"
"""The kind of what comes by a dynamic filter (``Dialect.wanted``): the Route is ``Route(dialect, source, TOPIC,
topic)`` with the source that wants it and the topic as detail, made without a call of ``route()``."""


class OwnDownlink(Struct, frozen=True):
    """A topic on which Causeway itself publishes; a subscription with a wildcard brings it back."""


class RejectedTopic(Struct, frozen=True):
    """A topic that is nobody's."""

    reason: str


OWN_DOWNLINK = OwnDownlink()
Sorted = Route | OwnDownlink | RejectedTopic


class State(Struct, frozen=True):
    """What a dialect remembers of a source: two values that msgspec can write as JSON.

    Each is written when it is another object than before, so that what changes often does not rewrite what is big.
    """

    model: Any = None  # what the source is: rarely changes; at most 4 MiB, or the former one stays
    live: Any = None  # counters, what it was asked and when: small, often changes


STATELESS: Final = State()


class Said(Struct, frozen=True):
    """What a message says of one device."""

    device: str  # the source's key, or source~child
    what: Decoded


class Reading(Struct, frozen=True):
    """All that a message says, in its order."""

    said: tuple[Said, ...] = ()
    rejected: str = ""  # why, where nothing was said; empty then: it counts as applied, it changed the state alone
    state: State | None = None  # the source's from now on; None: as before
    malformed: Malformed | None = None  # the message itself is wrong, and no device's: it is kept as the source's


class Command(Struct, frozen=True):
    """A command to render."""

    command_id: str  # UUID
    name: str
    args: bytes  # JSON object
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


class Rendered(Struct, frozen=True):
    """A command as it is published, and how its end will be known."""

    publications: tuple[Publication, ...]  # at least one
    ack: Ack = "exact"
    retry: Retry = "until_ack"
    answer_to: str = ""  # what an answer (CommandAck) calls the command where it isn't by its id
    expect: dict[str, Scalar] = {}  # of an echo: metrics with these values, reported after sending, prove it
    answered_by: tuple[str, ...] = ()  # of an echo: these metrics, reported after sending with whatever value, prove it
    wait_ms: int = 60_000  # without an echo for so long it is unconfirmed


class Refused(Struct, frozen=True):
    """A command that this device can't be given."""

    reason: str  # a code: "unknown_command", "out_of_range", "bad_args", "foreign_topic", …
    detail: str = ""  # for people


class Due(Struct, frozen=True):
    """What a source has to be asked now. It follows from its state, which says when it was asked last."""

    publications: tuple[Publication, ...] = ()
    refetch: tuple[str, ...] = ()  # filters of the dialect, or of wanted(): what is retained there is to come again
    again_ms: int | None = None  # Unix ms; ask again then, if no message comes before
    state: State | None = None  # the source's from now on; None: as before


NOTHING_DUE: Final = Due()


class Dialect(Protocol):
    """One dialect under the installation's options. Pure and immutable; no method raises, whatever comes."""

    @property
    def name(self) -> str:
        """Unlike any other's; stored with what depends on it."""

    @property
    def revision(self) -> int:
        """Of its state: one that was stored by another revision is thrown away."""

    @property
    def state_types(self) -> tuple[Any, Any]:
        """As what msgspec reads ``State.model`` and ``State.live`` from JSON."""

    def filters(self) -> tuple[Filter, ...]:
        """The topic filters that bring its uplink, from its bases alone."""

    def downlinks(self) -> tuple[str, ...]:
        """Topic filters of all that Causeway publishes to its devices, from its bases alone, as narrow as can be.

        The broker's rights follow from them: what we may publish, what a device's login may read (manage.py
        check_broker, provision_device --dialect); and no dynamic filter may match any of them.
        """

    def route(self, topic: str) -> Sorted | None:
        """Whose topic it is; None: none of this dialect's, the next one is asked. A function of the topic alone.

        A topic for which some source has a dynamic filter (wanted()) does not come here: see TOPIC.
        """

    def example(self, source: str) -> str:
        """A topic name on which this source publishes: the gateway whose filters match it serves the source."""

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """Topic filters of what a device says, as narrow as can be; of a source, with what those behind it say.

        None: unknown. They are shown to people, and listened under when somebody looks: no gateway depends on them.
        """

    def fresh(self) -> State:
        """What is known of a source at first."""

    def read(self, state: State, delivery: Delivery) -> Reading:
        """What a delivery that was routed to this dialect says. Its work is bounded by the payload's size."""

    def wanted(self, state: State) -> tuple[Filter, ...]:
        """Filters that follow from what a source said (the topics that a discovery names, say), at most 10,000.

        They are subscribed to with what is retained there; what matches is read as kind TOPIC. Refused are ``#``, a
        ``+`` unless the last level is literal, and what could match ``$…``, Causeway's own topics, or a topic that
        another dialect publishes on. One that names a topic exactly beats every other filter.
        """

    def joined(self, state: State, why: Joined, now_ms: int) -> State:
        """The source's state when it begins or goes on: what is to be asked is noted in it, for due()."""

    def due(self, state: State, now_ms: int) -> Due:
        """What to ask the source now. Asked after each of its messages and at ``again_ms``; repeats nothing."""

    def describe(self, state: State, device: str) -> Description | None:
        """What a device of this source is, as far as it is known."""

    def render(self, state: State, device: str, command: Command, now_ms: int) -> Rendered | Refused:
        """A command to a device, ready to be published."""

    def render_desired(self, device: str, payload: bytes) -> Publication | None:
        """What a device's reported state still lacks (JSON, docs/mqtt.md), for it to find. None: this can't be said."""

    def retained(self, device: str, metrics: Iterable[str], events: Iterable[str]) -> Iterable[str]:
        """The topic names on which a broker may retain something of a device with these metrics and events."""


class SimpleDialect:
    """What most dialects need not say: one that extends it has no state, asks nothing, describes nothing."""

    revision = 1
    state_types: tuple[Any, Any] = (None, None)

    def downlinks(self) -> tuple[str, ...]:
        """None."""
        return ()

    def topics(self, _state: State, _device: str) -> tuple[str, ...]:
        """Unknown."""
        return ()

    def fresh(self) -> State:
        """Nothing."""
        return STATELESS

    def wanted(self, _state: State) -> tuple[Filter, ...]:
        """None."""
        return ()

    def joined(self, state: State, _why: Joined, _now_ms: int) -> State:
        """As it was."""
        return state

    def due(self, _state: State, _now_ms: int) -> Due:
        """Nothing."""
        return NOTHING_DUE

    def describe(self, _state: State, _device: str) -> Description | None:
        """Unknown."""
        return None

    def render_desired(self, _device: str, _payload: bytes) -> Publication | None:
        """It can't be said."""
        return None

    def retained(self, _device: str, _metrics: Iterable[str], _events: Iterable[str]) -> Iterable[str]:
        """None that is known."""
        return ()
