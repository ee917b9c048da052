"""What is known of one device: the twin. Kept in the worker's memory, stored as JSON, changed only by devices.rules.

Every change that a client can see takes the device's next ``rev``; each part remembers the rev that set it, so that
what happened since any rev can be told from the twin and the stored readings and events.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec import Struct, field

from bridge.observations import Scalar
from devices.rules.documents import Document

Status = Literal["online", "offline", "stale", "unknown"]
Why = Literal[
    "never_seen",
    "birth",  # it published online
    "will",  # offline was published, and our link to the broker outlived it
    "message",  # anything else was heard
    "retained",  # the broker kept that status from before we listened
    "replayed",  # heard, but across an outage: it may be old
    "silence",
    "unconfirmed",  # retained or replayed, and nothing live followed
    "outage",  # offline, but across an outage, or while the broker was going down
    "doubted",  # whoever speaks for it has lost sight of it: the bridge that it is behind is gone, say
    "link_down",  # our own link
]


_encode: Final = msgspec.json.Encoder().encode
MANY_METRICS: Final = 12  # more are stored in groups


class Metric(Struct, array_like=True, gc=False):
    """A metric's latest value by the time rule."""

    value: Scalar
    ts: int  # Unix ms
    rev: int
    live: bool = True  # False: only filled from a retained message


class MetricGroup(Struct, array_like=True, gc=False):
    """Metrics that have time and rev in common, as they are stored where there are many: each costs its name only."""

    ts: int
    rev: int
    live: bool
    values: dict[str, Scalar]


class KeptNote(Struct, array_like=True, gc=False):
    """Values that were not taken as they came, while the rest of their messages was."""

    reason: str
    metric: str
    count: int
    sample: str  # the last one
    at_ms: int  # Unix ms at the gateway, when that came


class Presence(Struct, frozen=True, gc=False):
    """Whether the device is there, since when (Unix ms), and how we know."""

    status: Status = "unknown"
    since: int = 0
    why: Why = "never_seen"
    rev: int = 0


class Unconfirmed(Struct, frozen=True):
    """A live ``offline`` that is not shown yet: a broker that goes down publishes every will."""

    at_ms: int  # Unix ms at the gateway
    gateway: str  # MQTT client id; whose link it came over


ChangeKind = Literal[
    "registered",  # patch {}, undo null: it was not there before
    "deleted",  # patch null, undo: all that the device was (devices.rules.stream.parts)
    "presence",  # patch and undo: the whole presence
    "reported",  # patch and undo: merge patches (RFC 7396), as of the next three
    "desired",
    "description",
    "metrics",  # only what was removed, or filled from a retained message: the rest are readings
    "tags",  # patch and undo: all tags
    "settings",  # patch and undo: {"stale_after_s": …}; takes no rev
    "event",  # patch: its name, data and ts, undo null; the history loses them with the device, this does not
    "command",  # a step; patch: id, name, status, at_ms, by, …; undo: the status before; takes no rev
    "alert",  # a step; patch: id, rule, name, step, state, severity, at_ms, …; undo null; takes no rev
]


class TwinChange(Struct, frozen=True):
    """One change of a device that is no reading, with what undoes it."""

    kind: ChangeKind
    rev: int | None
    patch: bytes  # JSON, as for the next one
    undo: bytes


class TwinState(Struct, omit_defaults=True, dict=True):
    """A device's twin. Mutable: the shard worker owns it and reloads it after a failed commit."""

    rev: int = 0
    metrics: dict[str, Metric] = field(default_factory=dict)
    reported: Document = field(default_factory=Document)
    desired: Document = field(default_factory=Document)
    desired_version: int = 0
    # The payload of the desired topic that the broker last confirmed; b"" (JSON "") when none or cleared.
    desired_published: str = ""
    presence: Presence = field(default_factory=Presence)
    tags: list[str] = field(default_factory=list)
    tags_rev: int = 0
    last_seen_ms: int = 0  # Unix ms at the gateway, of the last message that was not retained
    unconfirmed: Unconfirmed | None = None
    former: Presence | None = None  # under link_down: what was known before
    gateway: str = ""  # MQTT client id; the last one that brought something live of it: by which it can be reached
    dialect: str = ""  # by which it speaks (bridge.dialects.registry); "": Causeway's own
    notes: list[KeptNote] = field(default_factory=list)  # the latest last
    # The rev at which each name was last removed from metrics, the latest last. Streams from before removed_floor can't
    # be told any more: what was removed then is forgotten.
    removed: dict[str, int] = field(default_factory=dict)
    removed_floor: int = 0
    http: bool = False  # what was heard of it last came over HTTP: no gateway's link tells anything of it
    described_rev: int = 0  # at which what it is last changed (devices.rules.described)
    calculated: list[str] = field(default_factory=list)  # those of the metrics that Causeway has calculated
    groups: list[MetricGroup] = field(default_factory=list)  # of the metrics; only in what is stored
    # What has changed and was not taken yet: of the instance, but no part of what is stored or compared.
    changes: ClassVar[tuple[TwinChange, ...]] = ()

    def record(self, kind: ChangeKind, patch: Any, undo: Any) -> None:
        """Something has changed, at the present rev. Both are JSON values, written at once: they may change later."""
        rev = None if kind == "settings" else self.rev
        vars(self)["changes"] = (*self.changes, TwinChange(kind, rev, _encode(patch), _encode(undo)))

    def take_changes(self) -> tuple[TwinChange, ...]:
        """What has changed since they were last taken, in order."""
        taken = self.changes
        vars(self).pop("changes", None)
        return taken


dump: Final[Callable[[TwinState], bytes]] = msgspec.json.Encoder().encode
"""The twin as JSON, for storage."""

decode: Final[Callable[[bytes | str], TwinState]] = msgspec.json.Decoder(TwinState).decode
"""The twin as it is stored. Raises msgspec.ValidationError on what was never stored."""


def dump_grouped(twin: TwinState) -> bytes:
    """The same as :func:`dump`, shorter where there are many metrics."""
    metrics, by_rev = twin.metrics, dict[tuple[int, int, bool], MetricGroup]()
    for name, one in metrics.items():
        key = (one.ts, one.rev, one.live)
        group = by_rev.get(key)
        if group is None:
            group = by_rev[key] = MetricGroup(*key, {})
        group.values[name] = one.value
    twin.metrics, twin.groups = {}, list(by_rev.values())
    try:
        return dump(twin)
    finally:
        twin.metrics, twin.groups = metrics, []


def ungrouped(twin: TwinState) -> TwinState:
    """The twin as it is used, of one that was just decoded."""
    for one in twin.groups:
        for name, value in one.values.items():
            twin.metrics[name] = Metric(value, one.ts, one.rev, one.live)
    twin.groups = []
    return twin


def load(doc: bytes | str) -> TwinState:
    """The twin from its JSON. Raises msgspec.ValidationError on what was never stored."""
    return ungrouped(decode(doc))


def upgraded(doc: str) -> str:
    """A twin's JSON as it is stored now, of one that may have been stored by an earlier version."""
    if '"leaves":{' not in doc:
        return doc
    twin = decode(doc)
    twin.reported.upgrade()
    twin.desired.upgrade()
    return dump(twin).decode()


def load_value(doc: Any) -> TwinState:
    """The twin from its decoded JSON (as Twin.doc reads from the database)."""
    return ungrouped(msgspec.convert(doc, TwinState))


# Whose it is -----------------------------------------------------------------------------------------------------

OTHER_DIALECT: Final = "other_dialect"  # why a message is rejected that another dialect says of a device


def is_anothers(twin: TwinState, dialect: str) -> bool:
    """Whether a device belongs to another dialect: its key is that one's which has made it.

    A device of which nothing was ever heard (it was registered by hand, say) belongs to the first that speaks of it.
    """
    return twin.dialect != dialect and (bool(twin.dialect) or _was_heard(twin))


def _was_heard(twin: TwinState) -> bool:
    return bool(twin.last_seen_ms or twin.gateway or twin.metrics or twin.reported.value or twin.removed)
