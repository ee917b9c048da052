"""The JSON of alert rules and alerts: what requests must be, what answers are."""

from typing import Any, Literal

from ninja import Schema
from pydantic import AliasChoices, Field

from devices.rules.alerts.alert import MAX_COMMENT_CHARS
from devices.rules.alerts.rule import EVENT_FIRES_S, Severity
from devices.rules.alerts.schedule import Day
from devices.web.api.schemas import Input

PresenceStatus = Literal["online", "offline", "stale"]


class ScopeIn(Input):
    """Whose devices: what is given narrows, all of it."""

    site: str | None = Field(None, description="null: all sites")
    tags: list[str] | None = Field(None, description="devices that have one of them")
    model: str | None = Field(None, description="as the devices' descriptions have it")
    devices: list[str] | None = Field(None, description="keys")


class ConditionIn(Input):
    """Exactly one of `above`, `below`, `rate_above`, `no_data_s`, `presence`, `event`, `expression`."""

    metric: str | None = Field(None, examples=["t"])
    above: float | None = Field(None, examples=[30])
    clear_below: float | None = Field(None, description="of `above`; left out: at it or below")
    below: float | None = None
    clear_above: float | None = Field(None, description="of `below`; left out: at it or above")
    rate_above: float | None = Field(None, description="a second, from one value to the next")
    no_data_s: int | None = Field(None, description="no value of `metric`, or of any, for so long; never any: no alert")
    presence: PresenceStatus | list[PresenceStatus] | None = None
    event: str | None = Field(None, description="its name")
    clear_event: str | None = Field(None, description="of `event`: the one that clears it")
    expression: str | None = Field(None, description="of several metrics: `supply - return > 8 and pump == true`")


class FlapIn(Input):
    """After `count` raises in `within_s` seconds the next one stays, and counts, until so long none has come."""

    count: int = 5
    within_s: int = 600


class ScheduleIn(Input):
    """When it may raise. What holds when such a time begins, raises then."""

    time_zone: str = Field("UTC", examples=["Europe/Berlin"])
    days: list[Day] | None = None
    from_: str = Field("00:00", alias="from")
    until: str = Field("24:00", description="no later than `from`: on the next day")


class RuleIn(Input):
    """When there is an alert. What was read may be sent back: the last five are passed over."""

    name: str = Field(examples=["hot"])
    scope: ScopeIn | None = None
    condition: ConditionIn
    for_s: int = Field(0, description="how long the condition must hold")
    keep_firing_s: int = Field(
        0, description=f"how long it must not hold any more; of an event that nothing clears {EVENT_FIRES_S} at least"
    )
    severity: Severity = "warning"
    enabled: bool = True
    flap: FlapIn | None = Field(default_factory=FlapIn, description="null: off")
    schedule: ScheduleIn | None = Field(None, description="null: always")
    note: str = Field("", description="for who gets the alert")
    id: Any = Field(None, exclude=True)
    version: Any = Field(None, exclude=True)
    created_at: Any = Field(None, exclude=True)
    created_by: Any = Field(None, exclude=True)
    changed_by: Any = Field(None, exclude=True)


class Rule(Schema):
    """A rule that is kept."""

    id: int
    version: int
    name: str
    scope: dict[str, Any]
    condition: dict[str, Any]
    for_s: int
    keep_firing_s: int
    severity: Severity
    enabled: bool
    flap: FlapIn | None
    schedule: dict[str, Any] | None
    note: str
    created_at: str
    created_by: str
    changed_by: str = Field(description="the author of this version")


class Rules(Schema):
    """All that you may see, the oldest first."""

    items: list[Rule]
    next: None


class Version(Schema):
    """What a rule said."""

    version: int
    author: str
    at: str
    rule: dict[str, Any]


class Versions(Schema):
    """All versions, the latest first."""

    items: list[Version]
    next: None


class BacktestIn(Input):
    """A rule that need not be kept, and when."""

    rule: RuleIn
    since: int = Field(description="Unix ms")
    until: int | None = Field(None, description="Unix ms; null: now")


class Raise(Schema):
    """An alert that there would have been."""

    device: str
    raised: int
    cleared: int | None
    count: int = Field(description="raises, of one that flaps")


class Backtest(Schema):
    """By device, then by time."""

    items: list[Raise]
    next: None
    devices: int = Field(description="that were looked at")
    readings: int
    complete: bool = Field(description="false: there are more alerts or devices than are shown")


class Comment(Schema):
    """What somebody has said."""

    by: str
    at: str
    text: str


class Alert(Schema):
    """An alert. Times are Unix ms."""

    id: str
    rule: int
    name: str = Field(description="the rule's")
    device: str
    state: Literal["firing", "acknowledged", "resolved"]
    snoozed_until: int | None
    severity: Severity
    metric: str | None
    note: str
    count: int = Field(description="raises, of one that flaps")
    value: str | float | bool | None = Field(description="at the latest raise")
    raised: int
    cleared: int | None
    acknowledged_by: str | None
    assignee: str | None
    inhibited_by: str | None = Field(description="another alert, which says more")
    comments: list[Comment]


class AlertPage(Schema):
    """A page of alerts."""

    items: list[Alert]
    next: str | None


class SnoozeIn(Input):
    """Until when, or for how long: at most 31 days."""

    until: int | None = Field(
        None, validation_alias=AliasChoices("until", "snoozed_until"), description="Unix ms; 0: no longer"
    )
    for_s: int | None = Field(None, ge=0, description="seconds from now")


class CommentIn(Input):
    """What to say."""

    text: str = Field(min_length=1, max_length=MAX_COMMENT_CHARS, validation_alias=AliasChoices("text", "comment"))


class AssignIn(Input):
    """To whom."""

    assignee: str | None = Field(max_length=150, description="a user's name; null: to nobody")
