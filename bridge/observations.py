"""What a device's message says, whatever dialect it speaks: readings, state, status, events, acknowledgements.

Every decoder of every dialect returns one of these values; bad input is one, too.
"""

from typing import Any, Literal

from msgspec import Struct

Scalar = str | int | float | bool | None
AckStatus = Literal["accepted", "done", "rejected", "failed"]
PayloadReason = Literal[
    "array_in_telemetry",
    "bad_ack",
    "bad_json",
    "bad_metric_name",
    "bad_status",
    "bad_text",
    "bad_ts",
    "bad_utf8",
    "integer_too_large",
    "name_collision",
    "not_a_scalar",
    "not_an_object",
    "not_finite",
    "too_deep",
    "too_large",
    "ts_before_2000",
]


class Malformed(Struct, frozen=True):
    """The content is wrong. ``detail`` says where or what, for people."""

    reason: PayloadReason
    detail: str = ""


class Cleared(Struct, frozen=True):
    """An empty payload: a retained message was cleared at the broker. No error, changes nothing.

    (Without Retain As Published the broker delivers it just as it delivers any empty payload: MQTT 5.0 3.8.3.1.)
    """


class RawReading(Struct, frozen=True):
    """One telemetry object, flattened. ``ts_ms``: the device's time in Unix ms, None when it gave none."""

    ts_ms: int | None
    metrics: dict[str, Scalar]


class Telemetry(Struct, frozen=True):
    """One payload's readings in their order; objects without a metric leave none."""

    readings: tuple[RawReading, ...]


class StatePatch(Struct, frozen=True):
    """A merge patch of the reported state."""

    patch: dict[str, Any]


class StatusReported(Struct, frozen=True):
    """A birth or a will."""

    online: bool


class EventReported(Struct, frozen=True):
    """Something that happened at a device; ``data`` is any JSON value."""

    name: str
    data: Any


class CommandAck(Struct, frozen=True):
    """A device's answer to a command."""

    command_id: str
    status: AckStatus
    result: Any = None
    reason: str | None = None


Decoded = Telemetry | StatePatch | StatusReported | EventReported | CommandAck | Cleared | Malformed
