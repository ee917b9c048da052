"""Every message between the processes, one class each. Frozen; what travels on the layer is made in bridge.wire.

    gateway ── Batch, Batches ──> worker ── Commit ──> web    web ── CommandStored, RequestStored ──> worker
    gateway <── Acks ── worker                                web <── RequestSettled ── worker
    gateway <── Publish, Refetch, FiltersChanged ── worker
    gateway ── Published ──> worker

The layer may drop, repeat or reorder any of them (channels specification: at most once). Batches are made reliable by
bridge.link; the others are nudges or can be repeated safely.
"""

from msgspec import Struct


class Delivery(Struct, frozen=True, array_like=True, gc=False):
    """One PUBLISH as the broker delivered it, its topic already understood.

    (It refers to nothing that could refer to it: Python's garbage collector need not know it.)
    """

    topic: str
    source: str  # who speaks: a device's key, site/device
    kind: str  # of payload: the dialect's own word
    detail: str  # what else the topic names, "" if nothing: of Causeway's own a metric, event or command id
    payload: bytes
    received_ms: int  # Unix ms at the gateway
    qos: int  # 0 or 1
    retain: bool  # RETAIN as delivered: state from before the subscription, not news
    dup: bool
    packet_id: int  # 0 for QoS 0
    late: bool = False  # the broker had it before this connection: it came across an outage, and may be old
    dialect: str = ""  # by which the topic was understood: its name in bridge.dialects.registry; "": Causeway's own


class Batch(Struct, frozen=True, array_like=True):
    """Deliveries of one shard in arrival order. Never changes once numbered.

    The first batch of an epoch is numbered 1 and may be empty: it only introduces the gateway.
    """

    shard: int
    gateway: str  # MQTT client id
    epoch: int  # of the connection; a later connection has a higher one
    seq: int  # 1, 2, 3, … per gateway, epoch and shard
    reply_to: str  # channel for Acks
    deliveries: tuple[Delivery, ...]
    session: int = 0  # the broker's session: the epoch that began it
    # New QoS 1 deliveries (without DUP) of this connection, all shards', up to this batch's last one.
    connection_count: int = 0
    # Deliveries for this shard in this epoch, up to this batch's last one: the gateway's side of the ledger.
    delivery_count: int = 0


class Batches(Struct, frozen=True, array_like=True):
    """Batches of several shards that one worker has, each as if it came alone: for one transaction."""

    batches: tuple[Batch, ...]


class LinkAck(Struct, frozen=True, array_like=True):
    """The effect of every batch below ``next_seq`` is committed."""

    shard: int
    gateway: str
    epoch: int
    next_seq: int
    gap: bool = False  # a later batch came too early: send again from next_seq
    former_epoch: int = 0  # the epoch that this shard had applied batches of before ``epoch``; 0: none
    former_seq: int = 0  # up to which of them: the rest of that epoch will never be applied


class Acks(Struct, frozen=True, array_like=True):
    """What a round of a worker has come to, for one gateway."""

    acks: tuple[LinkAck, ...]
    worker: str = ""  # who has these shards: a name that no other process has, past or present
    cpu_us: int = 0  # CPU time that the round took, or this gateway's part of it


class Publish(Struct, frozen=True, array_like=True):
    """Publish this, and answer with its token. Safe to repeat. The gateway knows nothing of what it means."""

    shard: int  # whose worker gets the answer
    device: str  # for whom it is; comes back in Published, as the token does
    token: bytes  # the worker's own
    topic: str
    payload: bytes
    qos: int = 1  # 0 or 1
    retain: bool = False
    expires_ms: int = 0  # Unix ms; not published any more after that; 0: never too late
    correlation: bytes = b""  # correlation data, with MQTT 5; empty: none
    response_topic: str = ""  # with MQTT 5; "": none


class Published(Struct, frozen=True, array_like=True):
    """What became of a Publish."""

    shard: int
    device: str
    token: bytes
    gateway: str  # MQTT client id; whose broker it is about
    ok: bool  # True: the broker has confirmed it (PUBACK), or it was sent with QoS 0
    reason: str  # "" when ok
    at_ms: int  # Unix ms
    never: bool = False  # this broker will not take it, however often it is tried


class Refetch(Struct, frozen=True, array_like=True):
    """Subscribe to these filters anew, so that what the broker retains there comes again. Safe to repeat."""

    shard: int  # whose worker asks
    dialect: str  # its name
    source: str  # a device key: for whose sake
    filters: tuple[str, ...]  # topic filters, of the dialect itself or of SourceFilter


class FiltersChanged(Struct, frozen=True, array_like=True):
    """A nudge: a source wants other topic filters than before (devices.models.SourceFilter), which is committed."""

    shard: int  # whose worker says so
    dialect: str  # its name
    source: str  # a device key


class ListenAsked(Struct, frozen=True, array_like=True):
    """A nudge: somebody wants to hear what is on the broker, which is stored (devices.models.Listening)."""

    number: int


class NewCommand(Struct, frozen=True, array_like=True):
    """A command as it was stored, for a worker that need not read it then."""

    device: str
    name: str
    args: bytes  # JSON
    created_us: int  # Unix µs, as for the next one
    expires_us: int
    created_by: str = ""  # an actor


class CommandStored(Struct, frozen=True, array_like=True):
    """A nudge: a command was stored for a device of this shard."""

    shard: int
    command_id: str
    new: NewCommand | None = None  # None: it is large, or may have gone on since: it is to be read


class RequestStored(Struct, frozen=True, array_like=True):
    """A nudge: a change of a device was asked for and stored; RequestSettled goes to ``reply_to`` when not empty.

    ``request_id`` 0: it is no device's matter, alert rules have changed.
    """

    shard: int
    request_id: int
    reply_to: str


class RequestSettled(Struct, frozen=True, array_like=True):
    """A nudge: the request's row holds its result, which is committed."""

    request_id: int
    result: bytes = b""  # the same, as JSON; empty: it is to be read


class Delta(Struct, frozen=True, array_like=True, tag="d"):
    """A device went from ``prev`` to ``rev`` (without an event between). ``item``: the delta frame's item as JSON."""

    device: str
    prev: int
    rev: int
    item: bytes


class EventRecorded(Struct, frozen=True, array_like=True, tag="e"):
    """An event took ``rev``. ``frame``: the event frame as JSON, without ``n``."""

    device: str
    prev: int
    rev: int
    frame: bytes


class CommandStep(Struct, frozen=True, array_like=True, tag="c"):
    """A step of a command. ``command``: the command as JSON."""

    device: str
    command: bytes


class AlertStep(Struct, frozen=True, array_like=True, tag="a"):
    """A step of an alert. ``alert``: the alert as JSON."""

    device: str
    alert: bytes


class Gone(Struct, frozen=True, array_like=True, tag="g"):
    """A device was deleted."""

    device: str


Change = Delta | EventRecorded | CommandStep | AlertStep | Gone


class Commit(Struct, frozen=True, array_like=True):
    """What one transaction of a shard changed, each device's changes in order."""

    shard: int
    commit: int  # 1, 2, 3, … per shard, for ever; a missing number is a lost broadcast
    changes: tuple[Change, ...]
