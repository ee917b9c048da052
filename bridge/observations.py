"""What a device's message says, whatever dialect it speaks: readings, state, status, events, acknowledgements.

Every decoder of every dialect returns one of these values; bad input is one, too. Notes tell of values that were not
taken as they came, while the rest of the message was.
"""

from typing import Any, Literal

from msgspec import Struct

from bridge.descriptions import Description

Scalar = str | int | float | bool | None
AckStatus = Literal["accepted", "done", "rejected", "failed"]
PayloadReason = Literal[
    "bad_ack",
    "bad_identifiers",
    "bad_cbor",
    "bad_json",
    "bad_model",
    "bad_protobuf",
    "bad_senml",
    "bad_status",
    "bad_text",
    "bad_ts",
    "bad_utf8",
    "integer_too_large",
    "not_a_number",
    "not_a_scalar",
    "not_an_array",
    "not_an_object",
    "not_finite",
    "too_deep",
    "too_large",
    "too_many_leaves",
    "ts_before_2000",
]
NoteReason = Literal[
    "array_too_long",
    "calculated",  # a metric that Causeway calculates at this device: the device's own is left out, or the other way
    "bad_metric_name",
    "bad_quality",
    "bad_text",
    "clock_ahead",
    "integer_too_large",
    "name_collision",
    "names_too_long",
    "not_finite",
    "out_of_range",  # this one and the next two: by what the device is said to be
    "too_many_metrics",
    "unknown_value",
    "wrong_kind",
]


class Note(Struct, frozen=True):
    """A value that was not taken as it came, beside others that were."""

    reason: NoteReason
    metric: str  # where it stood
    sample: str  # what it was; a beginning of it
    count: int = 1


class Malformed(Struct, frozen=True):
    """The content is wrong. ``detail`` says where or what, for people."""

    reason: PayloadReason
    detail: str = ""
    speaks: bool = True  # False: it may be the broker's word for a dead device, so it is no proof of life


class BadElements(Struct, frozen=True):
    """Those elements of a batch, or words of a model, whose content is wrong."""

    malformed: Malformed  # the first one's reason; the detail has the indexes of all, or the first one's key
    payload: bytes  # them alone, as a batch or a model; empty: they are too deep for that


class Cleared(Struct, frozen=True):
    """An empty payload: a retained message was cleared at the broker. No error, changes nothing.

    (Without Retain As Published the broker delivers it just as it delivers any empty payload: MQTT 5.0 3.8.3.1.)
    """


class RawReading(Struct, frozen=True):
    """One telemetry object, flattened. ``ts_ms``: the device's time in Unix ms, None when it gave none."""

    ts_ms: int | None
    metrics: dict[str, Scalar]
    ahead_ms: int = 0  # how far its own time was ahead of reception, where ``ts_ms`` is set right


class Telemetry(Struct, frozen=True):
    """One payload's readings in their order; objects without a metric leave none."""

    readings: tuple[RawReading, ...]
    notes: tuple[Note, ...] = ()
    bad: BadElements | None = None


class StatePatch(Struct, frozen=True):
    """A merge patch of the reported state."""

    patch: dict[str, Any]
    notes: tuple[Note, ...] = ()


class StatusReported(Struct, frozen=True):
    """A birth or a will."""

    online: bool


class EventReported(Struct, frozen=True):
    """Something that happened at a device; ``data`` is any JSON value."""

    name: str
    data: Any
    notes: tuple[Note, ...] = ()


class CommandAck(Struct, frozen=True):
    """A device's answer to a command."""

    command_id: str
    status: AckStatus
    result: Any = None
    reason: str | None = None
    notes: tuple[Note, ...] = ()


class Described(Struct, frozen=True):
    """What a device is, by its own word or its dialect's."""

    description: Description
    own: bool = False  # the device's own word, which shows that it is there: in Causeway's own dialect
    bad: BadElements | None = None


class Doubted(Struct, frozen=True):
    """Whoever speaks for a device has lost sight of it: its presence is unknown. ``why``: for people."""

    why: str


class Echo(Struct, frozen=True):
    """Values that a device reports are on their way or reached: what proves commands that are answered by nothing else.

    (Telemetry says so, too: a dialect has to say this only where nothing becomes a reading, or for "accepted".)
    """

    metrics: dict[str, Scalar]
    status: Literal["accepted", "done"] = "done"


class CommandFailed(Struct, frozen=True):
    """A command failed, it isn't said which: the one that waits, if exactly one does."""

    reason: str


Decoded = (
    Telemetry
    | StatePatch
    | StatusReported
    | EventReported
    | CommandAck
    | Cleared
    | Malformed
    | Described
    | Doubted
    | Echo
    | CommandFailed
)
