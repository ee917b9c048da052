"""What a device's stream consists of, on its way from commits and queries to frames. Frozen values, no I/O."""

from typing import Literal

from msgspec import Struct

from bridge.messages import Delta, EventRecorded, Gone

Reason = Literal["subscribe", "new", "too_far", "reset"]


class Fresh(Struct, frozen=True):
    """The whole truth about a device as of ``rev``; what was known before does not count any more."""

    device: str
    rev: int
    reason: Reason
    snapshot: bytes  # JSON object: one of a snapshot frame's devices


Part = Delta | EventRecorded | Fresh | Gone


class Want(Struct, frozen=True):
    """A question to the database: what happened to a device after ``since`` (None: everything)?"""

    device: str
    since: int | None
    reason: Reason  # of the snapshot, if it takes one although ``since`` is None


class Missing(Struct, frozen=True):
    """An answer: there is no such device."""

    device: str


class Replayed(Struct, frozen=True):
    """An answer: the stream from ``since`` to ``rev``, without gap. ``complete`` false: there is more after it."""

    device: str
    rev: int
    parts: tuple[Delta | EventRecorded, ...]
    complete: bool


Answer = Missing | Fresh | Replayed


def part_bytes(part: Part) -> int:
    """About how large a part is, in frames and in memory."""
    match part:
        case Delta():
            return len(part.item)
        case EventRecorded():
            return len(part.frame)
        case Fresh():
            return len(part.snapshot)
        case Gone():
            return 64


def answer_bytes(answer: Answer) -> int:
    """About how large an answer is in frames."""
    match answer:
        case Replayed():
            return sum(part_bytes(part) for part in answer.parts)
        case Fresh():
            return len(answer.snapshot)
        case Missing():
            return 64
