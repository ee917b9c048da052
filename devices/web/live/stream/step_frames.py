"""Frames that tell of commands and alerts, step by step, typed as those of server_frames.py, which lists them. Pure."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from bridge.observations import Scalar
from devices.rules.alerts.alert import AlertState
from devices.rules.alerts.rule import Severity
from devices.rules.commands import By
from devices.rules.commands import Status as CommandStatus
from devices.web.live.stream.strict import N
from devices.web.live.stream.strict import Strict as _Strict


class CommandStep(_Strict, frozen=True):
    """One step of a command."""

    status: CommandStatus
    at: str
    by: Annotated[By, Meta(description="how it is known; `echo`: the device reported what the command was to bring")]
    late: Annotated[bool | UnsetType, Meta(description="it came after the command had expired or was cancelled")] = (
        UNSET
    )
    result: Any | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Command(_Strict, frozen=True):
    """A command with all that became of it."""

    id: str
    device: str
    name: str
    args: Any
    status: CommandStatus
    timeline: Annotated[list[CommandStep], Meta(description="oldest first")]
    result: Annotated[Any, Meta(description="what the device sent with its last acknowledgement")]
    reason: str | None
    ttl_s: int
    created_at: str
    expires_at: str


class CommandFrame(_Strict, frozen=True):
    """A step of a command on a watched device."""

    n: N
    type: Literal["command"]
    command: Annotated[Command, Meta(description="the whole of it")]


class AlertComment(_Strict, frozen=True):
    """What somebody has said about an alert."""

    by: str
    at: str
    text: str


class Alert(_Strict, frozen=True):
    """An alert as it is now."""

    id: str
    rule: Annotated[int, Meta(description="the rule's id")]
    name: Annotated[str, Meta(description="the rule's")]
    device: str
    state: AlertState
    snoozed_until: int | None
    severity: Severity
    metric: str | None
    note: Annotated[str, Meta(description="the rule's, for who gets the alert")]
    count: Annotated[int, Meta(ge=1, description="raises, of one that flaps")]
    value: Annotated[Scalar, Meta(description="at the latest raise")]
    raised: int
    cleared: int | None
    acknowledged_by: str | None
    assignee: str | None
    inhibited_by: Annotated[str | None, Meta(description="another alert, which says more")]
    comments: list[AlertComment]


class AlertFrame(_Strict, frozen=True):
    """A step of an alert on a watched device."""

    n: N
    type: Literal["alert"]
    alert: Annotated[Alert, Meta(description="the whole of it")]
