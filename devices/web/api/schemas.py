"""The API's JSON as types: what requests must be, and for the documentation what answers are."""

from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, RootModel

from devices.requests.commands import DEFAULT_TTL_S, MAX_TTL_S
from devices.rules.commands import By as CommandBy
from devices.rules.commands import Status as CommandStatus
from devices.rules.described.silence import MAX_STALE_AFTER_S
from devices.rules.twin import ChangeKind
from devices.rules.twin import Status as PresenceStatus
from devices.web.device.description_schemas import Description

Json = dict[str, Any]


class Input(Schema):
    """A request's body: nothing converted, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CommandIn(Input):
    """A command for a device."""

    name: str = Field(description="1-64 of A-Z a-z 0-9 _ - . :", examples=["set_led"])
    args: Json | None = Field(
        default_factory=dict, description="what the device gets as payload; null: `{}`", examples=[{"on": True}]
    )
    ttl_s: int = Field(DEFAULT_TTL_S, description=f"how long it may take to reach the device: 1 to {MAX_TTL_S}")


class DevicePatch(Input):
    """What may be changed of a device; what is left out stays."""

    tags: list[str] | None = Field(None, description="replaces the tags; each 1-64 of A-Z a-z 0-9 _ - . :, at most 50")
    stale_after_s: int | None = Field(
        None, ge=1, le=MAX_STALE_AFTER_S, description="silence until stale; null: its tags', its site's, STALE_AFTER_S"
    )


class BulkDeletion(Schema):
    """Devices that a filter selects."""

    count: int
    deleted: bool = Field(description="whether all are gone already")


class Blocked(Schema):
    """A key under which nothing is taken."""

    device: str
    blocked_at: str
    blocked_by: str = Field(description="who asked for it; empty: not known")


class MergePatch(RootModel[Json]):
    """A merge patch (RFC 7396): null removes, objects merge, everything else replaces."""


class Metric(Schema):
    """A metric's latest value by the time rule."""

    value: str | float | bool | None
    ts: int = Field(description="Unix ms")


class Presence(Schema):
    """Whether the device is there, since when, and how we know."""

    status: PresenceStatus
    since: int = Field(description="Unix ms; 0: never seen")
    why: str


class Device(Schema):
    """A device: its entry in the registry and its twin as of ``rev``, in the sections of the stream's snapshot."""

    device: str = Field(description="the key, site/device", examples=["demo/lamp-1"])
    site: str
    name: str
    created_at: str
    stale_after_s: int | None = Field(description="null: the default of its tags, its site, STALE_AFTER_S")
    last_seen_at: str | None = Field(description="reception of the last live message")
    rev: int = Field(description="raised by every change that a client can see")
    metrics: dict[str, Metric]
    reported: Json
    desired: Json
    desired_version: int
    presence: Presence
    tags: list[str]
    description: Description | None = Field(None, description="what the device is; only where something is known")


class LastChange(Schema):
    """The last change of a section."""

    at: str
    actor: str = Field(description="who asked for it, kind:name; empty: nobody")


class DeviceAsOf(Schema):
    """A device at a time, but for its readings."""

    device: str
    at: str
    reported: Json
    desired: Json
    desired_version: int
    presence: Presence
    tags: list[str]
    description: Description | None = Field(None, description="what the device is; only where something was known")
    changed: dict[str, LastChange] = Field(description="by section, where one of the 1,000 changes before tells it")


class Change(Schema):
    """A change of a device that is no reading."""

    at: str = Field(description="when it took effect")
    rev: int | None = Field(description="that it took; null: it takes none")
    kind: ChangeKind
    patch: Any = Field(description="what it made of that part: for presence, tags and settings all of it, else a patch")
    undo: Any = Field(description="likewise, what makes that part again what it was; null: there was nothing")
    actor: str = Field(description="who asked for it, kind:name; empty: nobody")


class ChangePage(Schema):
    """A page of changes."""

    items: list[Change]
    next: str | None


class Desired(Schema):
    """A device's desired state."""

    version: int = Field(description="also the ETag; send it as If-Match")
    desired: Json


class Reading(Schema):
    """One telemetry object."""

    rev: int
    ts: int = Field(description="Unix ms")
    received_at: str
    metrics: dict[str, str | float | bool | None]
    clamped: bool = Field(description="the device's own time was over 5 min ahead; ts was moved back")


class Note(Schema):
    """Values that were not taken as they came, while the rest of their messages was: docs/mqtt.md."""

    reason: str
    metric: str
    count: int
    sample: str = Field(description="the last one, at most 200 characters of it")
    last_at: str


class NotePage(Schema):
    """All that are kept."""

    items: list[Note]
    next: None = None


class Step(Schema):
    """A step of a command."""

    status: CommandStatus
    at: str = Field(description="RFC 3339")
    by: CommandBy = Field(description="how it is known; echo: the device reported what the command was to bring")
    late: bool | None = Field(None, description="after it had expired or been cancelled")
    result: Any = None
    reason: str | None = None


class Command(Schema):
    """A command and its way."""

    id: str
    device: str
    name: str
    args: Any
    status: CommandStatus
    timeline: list[Step]
    result: Any = None
    reason: str | None = None
    ttl_s: int
    created_at: str
    expires_at: str


class Quarantined(Schema):
    """A message of a known device, or of a source, whose content was wrong."""

    id: int
    device: str = Field(description="the device's key; of a message that is no device's: the source's")
    topic: str
    reason: str
    detail: str
    received_at: str
    qos: int
    retain: bool
    truncated: bool = Field(description="only its beginning was kept; it can't be replayed")
    payload_bytes: int = Field(description="size of what was kept")
    payload: str = Field(description="in a list only the beginning: the first 4 KiB")
    encoding: Literal["utf-8", "base64"] = Field(description="how payload is written")


class DevicePage(Schema):
    """A page of devices."""

    items: list[Device]
    next: str | None


class ReadingPage(Schema):
    """A page of readings."""

    items: list[Reading]
    next: str | None
    purged_rev: int = Field(description="readings up to it may have been purged; after it none is missing")


class Event(Schema):
    """Something that happened at a device."""

    rev: int
    name: str
    data: Any
    ts: int = Field(description="Unix ms")


class EventPage(Schema):
    """A page of events."""

    items: list[Event]
    next: str | None


class CommandPage(Schema):
    """A page of commands."""

    items: list[Command]
    next: str | None


class Replayed(Schema):
    """What became of a quarantined message that was carried out once more."""

    outcome: Literal["applied", "rejected", "quarantined"]
    reason: str = Field(description="why rejected or quarantined")
    detail: str
    entry: Quarantined | None = Field(None, description="as it is now, if it is in quarantine still")


class QuarantinePage(Schema):
    """A page of quarantined messages."""

    items: list[Quarantined]
    next: str | None


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=["not_found"])
