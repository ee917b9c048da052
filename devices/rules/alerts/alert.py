"""An alert as people and programs see it, and what they may do to it."""

from typing import Any, Final, Literal, Protocol

from msgspec import Struct, json

from devices.rules.twin import TwinChange

AlertState = Literal["firing", "acknowledged", "resolved"]
StepName = Literal["raised", "counted", "cleared", "acknowledged", "snoozed", "commented", "assigned"]

MAX_COMMENTS: Final = 100
MAX_COMMENT_CHARS: Final = 2_000
MAX_SNOOZE_MS: Final = 31 * 86_400_000

_encode = json.Encoder().encode


class Comment(Struct, frozen=True):
    """What somebody has said about it."""

    by: str
    at: str  # RFC 3339
    text: str


class Seen(Protocol):
    """What is shown of an alert."""

    id: Any
    rule: int
    rule_name: str
    device: str
    state: str
    severity: str
    metric: str
    note: str
    count: int
    value: Any
    raised_ms: int
    cleared_ms: int | None
    snoozed_ms: int | None
    acknowledged_by: str
    assignee: str
    comments: Any
    inhibited_by: str


def alert_json(alert: Seen) -> dict[str, Any]:
    """As REST and the stream have it. Times are Unix ms."""
    return {
        "id": str(alert.id),
        "rule": alert.rule,
        "name": alert.rule_name,
        "device": alert.device,
        "state": alert.state,
        "snoozed_until": alert.snoozed_ms,
        "severity": alert.severity,
        "metric": alert.metric or None,
        "note": alert.note,
        "count": alert.count,
        "value": alert.value,
        "raised": alert.raised_ms,
        "cleared": alert.cleared_ms,
        "acknowledged_by": alert.acknowledged_by or None,
        "assignee": alert.assignee or None,
        "inhibited_by": alert.inhibited_by or None,
        "comments": alert.comments,
    }


def as_change(alert: Seen, step: StepName, at_ms: int) -> TwinChange:
    """A step for the record of changes. It takes no rev."""
    known = {
        "id": str(alert.id),
        "rule": alert.rule,
        "name": alert.rule_name,
        "step": step,
        "state": alert.state,
        "severity": alert.severity,
        "metric": alert.metric or None,
        "count": alert.count,
        "value": alert.value,
        "at_ms": at_ms,
        "raised": alert.raised_ms,
        "inhibited_by": alert.inhibited_by or None,
    }
    return TwinChange("alert", None, _encode(known), b"null")


class Asked(Struct, frozen=True):
    """What somebody does to an alert: the body of a request of the kind ``alert``. Exactly one of the last four."""

    alert: str  # its id
    at: str  # RFC 3339
    acknowledge: bool = False
    snooze_until_ms: int | None = None  # Unix ms; in the past: no longer
    comment: str | None = None
    assignee: str | None = None  # a user's name; "": nobody


def apply(asked: Asked, alert: Seen, actor: str) -> StepName | None:
    """Do it; which step that is. None: it is so already, or the alert is over."""
    if asked.comment is not None:
        alert.comments = [*alert.comments, {"by": actor, "at": asked.at, "text": asked.comment}][-MAX_COMMENTS:]
        return "commented"
    if asked.assignee is not None:
        alert.assignee = asked.assignee
        return "assigned"
    if alert.state == "resolved":
        return None
    if asked.snooze_until_ms is not None:
        alert.snoozed_ms = asked.snooze_until_ms or None
        return "snoozed"
    if alert.state == "acknowledged":
        return None
    alert.state, alert.acknowledged_by = "acknowledged", actor
    return "acknowledged"
