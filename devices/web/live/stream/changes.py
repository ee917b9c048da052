"""The values that a device's stream consists of, on their way from commits and queries to frames. Frozen, no I/O."""

from typing import Literal

from msgspec import Struct

from bridge.messages import Delta, EventRecorded, Gone

Reason = Literal["subscribe", "new", "too_far", "reset"]
StepKind = Literal["command", "alert"]  # what is told of in steps, by id, beside the stream: their frames' types


class Snapshot(Struct, frozen=True):
    """The whole truth about a device as of ``rev``; what was known before does not count any more."""

    device: str
    rev: int
    reason: Reason
    snapshot: bytes  # JSON object: one of a snapshot frame's devices


StreamChange = Delta | EventRecorded | Snapshot | Gone


class Query(Struct, frozen=True):
    """A question to the database: what happened to a device after ``since`` (None: everything)?"""

    device: str
    since: int | None
    reason: Reason  # of the snapshot, if it takes one although ``since`` is None


class NotFound(Struct, frozen=True):
    """An answer: there is no such device."""

    device: str


class Replayed(Struct, frozen=True):
    """An answer: the stream from ``since`` to ``rev``, without gap. ``complete`` false: there is more after it."""

    device: str
    rev: int
    changes: tuple[Delta | EventRecorded, ...]
    complete: bool


Answer = NotFound | Snapshot | Replayed
