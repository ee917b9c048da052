"""The lifecycle of a command, as a table. A status never says more than is known.

    accepted   stored                              sent       the broker has confirmed it (PUBACK)
    delivered  the device acknowledged it          done | rejected | failed   the device said so
    expired    its time ended first                cancelled  somebody took it back
    unconfirmed  sent, as far as is known, and it is no device that answers; or whether it was sent is not known, and
                 it must not be sent twice

Acknowledgements are judged by when they were received: one from after the expiry or cancellation is recorded as
``late``, one from before it never is; both make the status true again. What an acknowledgement implies (``done``
implies ``delivered``, that implies ``sent``) is recorded with it. Each step says by whom it is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol
from uuid import UUID

import msgspec
from msgspec import Struct

from bridge.observations import CommandAck
from devices.rules.twin import TwinChange

Status = Literal["accepted", "sent", "delivered", "done", "rejected", "failed", "expired", "cancelled", "unconfirmed"]
By = Literal["device", "echo", "broker", "causeway", "homeassistant"]
"""By whom a step is known: the device said so; it reported the values that the command sets; the broker; ourselves; of
a command that was accepted: Home Assistant asked for it."""
Step = dict[str, Any]  # {"status": …, "at_ms": Unix ms, "by"?: …, "late"?: true, "result"?: …, "reason"?: …}

MAX_BRIEF_BYTES: Final = 16 * 1024  # of arguments, and of a result, in lists and frames

ENDED_BY_US: Final = ("expired", "cancelled", "unconfirmed")  # not by the device's word, which may still come
OPEN: Final = ("accepted", "sent")  # still to be published until the device answers
UNFINISHED: Final = (*OPEN, "delivered")

# What may follow what. Whoever may end a command does so from any status that is not final by the device's word.
_NEXT: Final[Mapping[Status, tuple[Status, ...]]] = {
    "accepted": ("sent", "delivered", "done", "rejected", "failed", "expired", "cancelled", "unconfirmed"),
    "sent": ("delivered", "done", "rejected", "failed", "expired", "cancelled", "unconfirmed"),
    "delivered": ("done", "rejected", "failed"),
    "expired": ("delivered", "done", "rejected", "failed"),
    "cancelled": ("delivered", "done", "rejected", "failed"),
    "unconfirmed": ("delivered", "done", "rejected", "failed"),
    "done": (),
    "rejected": (),
    "failed": (),
}
_IMPLIES: Final[Mapping[Status, tuple[Status, ...]]] = {
    "delivered": ("sent",),
    "done": ("sent", "delivered"),
    "rejected": ("sent", "delivered"),
    "failed": ("sent", "delivered"),
}
_ACKED: Final[Mapping[str, Status]] = {
    "accepted": "delivered",
    "done": "done",
    "rejected": "rejected",
    "failed": "failed",
}


_USUALLY_BY: Final[Mapping[str, By]] = {
    "accepted": "causeway",
    "sent": "broker",
    "delivered": "device",
    "done": "device",
    "rejected": "device",
    "failed": "device",
    "expired": "causeway",
    "cancelled": "causeway",
    "unconfirmed": "causeway",
}


class Progress(Struct, frozen=True):
    """Where a command is and how it came there, oldest step first."""

    status: Status
    timeline: tuple[Step, ...]


def begun(at_ms: int, by: By = "causeway") -> Progress:
    """A command just stored. ``by``: who took it."""
    return Progress("accepted", (_step("accepted", at_ms, by, {}),))


def advance(progress: Progress, status: Status, at_ms: int, by: By | None = None, **more: Any) -> Progress:
    """The next step; the same Progress where the table has none (a repeat, or out of turn).

    Args:
        progress: where the command is.
        status: where it goes.
        at_ms: Unix ms.
        by: whom it is known by; None: who says such things usually.
        more: ``result`` or ``reason`` to keep with the step.
    """
    if status not in _NEXT[progress.status]:
        return progress
    more |= {"late": True} if _is_over(progress, at_ms) else {}
    had = {step["status"] for step in progress.timeline}
    known_by = by or _USUALLY_BY[status]
    implied = tuple(
        _step(earlier, at_ms, known_by, {"late": True} if "late" in more else {})
        for earlier in _IMPLIES.get(status, ())
        if earlier not in had
    )
    return Progress(status, (*progress.timeline, *implied, _step(status, at_ms, known_by, more)))


def _step(status: Status, at_ms: int, by: By, more: dict[str, Any]) -> Step:
    return {"status": status, "at_ms": at_ms, **({} if by == _USUALLY_BY[status] else {"by": by}), **more}


def _is_over(progress: Progress, at_ms: int) -> bool:
    """Whether the command had expired, was cancelled or given up, before that time."""
    return any(step["status"] in ENDED_BY_US and step["at_ms"] < at_ms for step in progress.timeline)


def expired(progress: Progress, expires_ms: int) -> Progress:
    """Its time has ended, not before what has happened to it. Nothing once the device has answered."""
    if progress.status not in OPEN:
        return progress
    return advance(progress, "expired", _not_before(progress, expires_ms))


def unconfirmed(progress: Progress, at_ms: int) -> Progress:
    """Nothing has come back by ``at_ms``, and nothing else can. Nothing once the device has answered."""
    if progress.status not in OPEN:
        return progress
    return advance(progress, "unconfirmed", _not_before(progress, at_ms))


def _not_before(progress: Progress, at_ms: int) -> int:
    latest_ms: int = max(step["at_ms"] for step in progress.timeline)
    return max(at_ms, latest_ms)


def refused(progress: Progress, reason: str, at_ms: int) -> Progress:
    """The broker will not take it: it failed without having been sent. Nothing if the device has answered."""
    return _ended(progress, "failed", at_ms, "broker", reason)


def rejected(progress: Progress, reason: str, at_ms: int) -> Progress:
    """The device can't be given it: it was not sent. Nothing if the device has answered."""
    return _ended(progress, "rejected", at_ms, "causeway", reason)


def _ended(progress: Progress, status: Status, at_ms: int, by: By, reason: str) -> Progress:
    """Without what that implies when a device says it."""
    if progress.status not in OPEN:
        return progress
    return Progress(status, (*progress.timeline, _step(status, at_ms, by, {"reason": reason})))


def acknowledged(
    progress: Progress, ack: CommandAck, at_ms: int, expires_ms: int, *, replayed: bool = False, by: By = "device"
) -> Progress:
    """The device's answer.

    Args:
        progress: where the command is.
        ack: what the device says.
        at_ms: Unix ms; when the gateway received it.
        expires_ms: Unix ms; the end of the command's time.
        replayed: the broker had it before, nobody knows since when: as long as the command waits, it came in time.
        by: ``echo``, if it was no answer, but what the device reported.
    """
    if at_ms > expires_ms and not replayed:
        progress = expired(progress, expires_ms)
    more: dict[str, Any] = {}
    if ack.result is not None:
        more["result"] = ack.result
    if ack.reason:
        more["reason"] = ack.reason
    return advance(progress, _ACKED[ack.status], at_ms, by, **more)


def as_changes(command_id: UUID, name: str, timeline: Sequence[Step], since: int) -> Iterator[TwinChange]:
    """A command's steps from number ``since`` (from 0) on, for the record of its device's changes."""
    for number in range(since, len(timeline)):
        step = timeline[number]
        told = {key: step[key] for key in ("late", "reason") if key in step}
        patch = {"id": str(command_id), "name": name, "status": step["status"], "at_ms": step["at_ms"], "by": _by(step)}
        undo = {"status": timeline[number - 1]["status"]} if number else None
        yield TwinChange("command", None, msgspec.json.encode(patch | told), msgspec.json.encode(undo))


class CommandRecord(Protocol):
    """The stored command, as devices.models.Command has it."""

    id: UUID
    name: str
    args: Any
    status: str
    timeline: Any
    result: Any
    reason: str
    created_at: datetime
    expires_at: datetime


def command_json(command: CommandRecord, device: str) -> dict[str, Any]:
    """A command as clients see it, in REST and WebSocket frames alike."""
    return {
        "id": str(command.id),
        "device": device,
        "name": command.name,
        "args": command.args,
        "status": command.status,
        "timeline": [_step_json(step) for step in command.timeline],
        "result": command.result,
        "reason": command.reason or None,
        "ttl_s": round((command.expires_at - command.created_at).total_seconds()),
        "created_at": _rfc3339(command.created_at),
        "expires_at": _rfc3339(command.expires_at),
    }


def brief(body: dict[str, Any]) -> dict[str, Any]:
    """:func:`command_json` for lists and frames: what is large is cut, with a link (without a prefix) to the whole."""
    href = f"/api/v1/commands/{body['id']}"
    steps = [{name: _cut(name, value, href) for name, value in step.items()} for step in body["timeline"]]
    return {name: _cut(name, value, href) for name, value in body.items()} | {"timeline": steps}


def _cut(name: str, value: Any, href: str) -> Any:
    if name not in ("args", "result"):
        return value
    size = len(msgspec.json.encode(value))
    return value if size <= MAX_BRIEF_BYTES else {"cut": {"bytes": size, "href": href}}


def _step_json(step: Step) -> dict[str, Any]:
    at = datetime.fromtimestamp(step["at_ms"] / 1000, UTC)
    return {"status": step["status"], "at": _rfc3339(at), "by": _by(step)} | {
        name: step[name] for name in ("late", "result", "reason") if name in step
    }


def _by(step: Step) -> str:
    """Of a step that was stored before this was known, who says such things; only brokers refuse without a device."""
    return str(step.get("by") or _USUALLY_BY[step["status"]])


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
