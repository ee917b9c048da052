"""What the gateways say about themselves: written by mqtt_gateway, read by devices, handed over by config."""

from collections.abc import Mapping

from msgspec import Struct


class GatewayRow(Struct, frozen=True, kw_only=True):
    """One gateway, as its last beat left it."""

    key: str  # what batches and tables call it
    name: str = ""  # what people call it
    instance: str = ""  # "host:pid:start in Unix ms"
    alive: bool = False  # its beat is fresh
    broker_up: bool = False  # alive and connected to its broker
    since_ms: int = 0  # Unix ms; since when broker_up is what it is, as far as known
    beat_ms: int = 0  # Unix ms
    epoch: int = 0  # of its newest connection
    rejected: Mapping[str, int] = {}  # deliveries that were nobody's, by reason
    dropped: int = 0  # QoS 0 deliveries left out under pressure
    # By shard: deliveries of the connection entered_epoch that came into its queue and were not left out.
    entered: Mapping[int, int] = {}
    entered_epoch: int = 0  # epoch, or an earlier one: the newest connection has just begun
    in_flight: int = 0  # deliveries not yet known to be committed
    oldest_age_ms: int = 0  # how long the oldest of them has waited, as of the beat; 0: there is none
    in_flight_limit: int = 0  # QoS 1; at it the broker waits
    saturated_ms: int = 0  # Unix ms; since when it is at the limit; 0: it isn't
    broker_stored: int | None = None  # messages that its broker holds for all its clients; None: it does not say
    filters: tuple[str, ...] = ()  # what it is subscribed to
    broker: str = ""  # host:port of the one with its newest session
    drained_ms: int = 0  # Unix ms; what its broker had for it before is committed; 0: not known
    lag_ms: int | None = None  # how long ago that is; None: not known


class GatewayStatus(Struct, frozen=True, kw_only=True):
    """All gateways together."""

    broker_up: bool = False  # any gateway is alive and connected
    since_ms: int = 0  # Unix ms; since when broker_up is what it is; 0: no gateway ever ran
    gateways: tuple[GatewayRow, ...] = ()
    in_flight: int = 0
    broker_stored: int | None = None  # as the first gateway that knows says
    drained_ms: int | None = None  # Unix ms; what they had for living ones before is committed; None: not known


class Incident(Struct, frozen=True, kw_only=True):
    """Something that may have cost messages and that only the broker knows more about."""

    kind: str
    gateway: str  # its name
    since_ms: int  # Unix ms; messages may be missing from then on
    until_ms: int  # Unix ms; up to then
    count: int = 1  # messages where they are counted, else how often
    detail: str = ""


class RejectedRow(Struct, frozen=True):
    """What a gateway rejected on one topic for one reason."""

    id: int
    gateway: str  # its name
    topic: str  # its beginning
    reason: str
    count: int
    first_ms: int  # Unix ms
    last_ms: int  # Unix ms
    payload: bytes  # the beginning of the last one's


class HeardTopic(Struct, frozen=True, kw_only=True):
    """A topic that somebody who listens to the broker has heard, with its last message."""

    topic: str
    count: int  # messages
    payload: bytes  # of the last one, its beginning
    size: int  # bytes of the whole one
    retained: bool  # it was retained when the listening began, and nothing came since
    last_ms: int  # Unix ms; when it came
    dialect: str  # who takes it; "": nobody
    source: str  # a device key; "": nobody's
    reason: str  # why nobody takes it; "": somebody does


class HeardMessage(Struct, frozen=True, kw_only=True):
    """One message of a source whose messages somebody wants to see."""

    number: int  # rises within its listening
    topic: str
    kind: str  # this and the next two: as Delivery's
    detail: str
    dialect: str
    payload: bytes  # its beginning
    size: int  # bytes of the whole one
    retained: bool
    at_ms: int  # Unix ms; when it came


class AskedListening(Struct, frozen=True, kw_only=True):
    """Somebody wants to hear what is on the broker."""

    number: int
    filters: tuple[str, ...]
    source: str = ""  # a device key: of what comes, its messages one by one; "": all topics, each with its last one
    until_ms: int  # Unix ms


class HeardNews(Struct, frozen=True, kw_only=True):
    """What has changed about a listening."""

    number: int
    status: str  # listening | ended | refused
    reason: str = ""  # why it has ended early
    topics: tuple[HeardTopic, ...] = ()
    heard: tuple[HeardMessage, ...] = ()  # those that are new
    gone: tuple[int, ...] = ()  # the numbers of those for which there is no room any more
    messages: int = 0  # so far
    more: int = 0  # of these, on topics for which there was no room
    limited: bool = False  # there were more than could be heard: some were left out
