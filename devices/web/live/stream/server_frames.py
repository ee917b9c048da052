"""Every frame that the server sends, typed: docs/websocket.md, server → client. Pure.

Frames of streams are spliced from encoded pieces (rendering.py); these classes say what comes out. Replies and the link
are made of them. Fields are declared in the order in which they are sent, but for ``sub`` of an event. Tables of
docs/websocket.md and types of causeway/client/types.js are made of this module (scripts/server_frames.py): docstrings
and descriptions of fields are for those who read them there.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.observations import Scalar
from devices.rules.twin import Status as PresenceStatus
from devices.rules.twin import Why
from devices.web.live.stream.changes import Reason
from devices.web.live.stream.people_frames import AttendingPerson, PeopleFrame
from devices.web.live.stream.step_frames import Alert, AlertComment, AlertFrame, Command, CommandFrame, CommandStep
from devices.web.live.stream.strict import N
from devices.web.live.stream.strict import Strict as _Strict

ErrorCode = Literal[
    "bad_request", "unauthorized", "forbidden", "not_found", "conflict", "too_large", "rate_limited", "unavailable"
]  # fmt: skip

UpDown = Literal["up", "down", "unknown"]
JsonObject = dict[str, Any]
Id = str | int  # of a request; ``sub`` is that of the subscribe request
Rev = Annotated[int, Meta(ge=0)]
Prev = Annotated[int, Meta(ge=0, description="where you are")]
Version = Annotated[int, Meta(ge=0, description="raised by each change of `desired`")]


# Parts -----------------------------------------------------------------------------------------------------------


class Metric(_Strict, frozen=True):
    """A metric's latest value."""

    value: Scalar
    ts: int


class Presence(_Strict, frozen=True):
    """Whether the device is there."""

    status: PresenceStatus
    since: Annotated[int, Meta(description="0: never seen")]
    why: Annotated[Why, Meta(description="how we know")]


class DeviceSnapshot(_Strict, frozen=True):
    """A device as of `rev`."""

    device: str
    rev: Rev
    metrics: dict[str, Metric]
    reported: JsonObject
    desired: JsonObject
    desired_version: Version
    presence: Presence
    tags: list[str]
    description: Annotated[
        JsonObject | UnsetType, Meta(description="what the device is (docs/devices.md); only where something is known")
    ] = UNSET


class Reading(_Strict, frozen=True):
    """What the device measured at one time."""

    rev: Rev
    ts: int
    metrics: dict[str, Scalar]
    clamped: Annotated[
        bool | UnsetType,
        Meta(description="the device's own time was too far ahead; `ts` is when it was received"),
    ] = UNSET


class DeltaItem(_Strict, frozen=True):
    """Takes a device from `prev` to `rev`; all but `readings` are merge patches (RFC 7396) of the snapshot's."""

    device: str
    prev: Prev
    rev: Rev
    readings: list[Reading]
    metrics: Annotated[
        dict[str, Metric | None] | UnsetType,
        Meta(description="what no reading explains: values of retained messages; null: the metric was removed"),
    ] = UNSET
    reported: JsonObject | UnsetType = UNSET
    desired: JsonObject | UnsetType = UNSET
    desired_version: Version | UnsetType = UNSET
    presence: Presence | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    description: Annotated[JsonObject | UnsetType | None, Meta(description="null: nothing is known of it any more")] = (
        UNSET
    )


# Frames ----------------------------------------------------------------------------------------------------------


class OkFrame(_Strict, frozen=True):
    """The reply to a request that was carried out; beyond `id`, what the request asked for."""

    n: N
    type: Literal["ok"]
    id: Id
    sub: Annotated[Id | UnsetType, Meta(description="of `subscribe` and `unsubscribe`")] = UNSET
    refused: Annotated[
        list[str] | UnsetType,
        Meta(description="of `subscribe`: the devices that do not exist, may not be seen, or are not of the site"),
    ] = UNSET
    command: Annotated[Command | UnsetType, Meta(description="of `command`: as it is stored")] = UNSET
    device: Annotated[str | UnsetType, Meta(description="of `desired`")] = UNSET
    version: Annotated[int | UnsetType, Meta(description="of `desired`: its version now")] = UNSET
    desired: Annotated[JsonObject | UnsetType, Meta(description="of `desired`: the whole of it now")] = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError when the fields are those of no reply."""
        fields = frozenset(name for name in REPLY_FIELDS if getattr(self, name) is not UNSET)
        if fields not in REPLIES.values():
            raise ValueError(f"no reply has the fields {sorted(fields)}")


REPLIES: Final[Mapping[str, frozenset[str]]] = {
    "subscribe": frozenset({"sub", "refused"}),
    "unsubscribe": frozenset({"sub"}),
    "command": frozenset({"command"}),
    "desired": frozenset({"device", "version", "desired"}),
    "attend": frozenset(),
    "leave": frozenset(),
    "ping": frozenset(),
}
REPLY_FIELDS: Final = ("sub", "refused", "command", "device", "version", "desired")


class ErrorFrame(_Strict, frozen=True):
    """The reply to a request that was not carried out, or to a frame that is none."""

    n: N
    type: Literal["error"]
    id: Annotated[Id | None, Meta(description="the request's, as far as it had one")]
    code: ErrorCode
    message: Annotated[str, Meta(description="a sentence for whoever wrote the client")]


class SnapshotFrame(_Strict, frozen=True):
    """The truth about each device as of its `rev`. It replaces what you had."""

    n: N
    type: Literal["snapshot"]
    sub: Id
    reason: Reason
    more: Annotated[bool, Meta(description="another page follows")]
    devices: list[DeviceSnapshot]


class DeltaFrame(_Strict, frozen=True):
    """What changed."""

    n: N
    type: Literal["delta"]
    sub: Id
    items: list[DeltaItem]


class EventFrame(_Strict, frozen=True):
    """Something happened at the device; it takes one rev."""

    n: N
    type: Literal["event"]
    sub: Id
    device: str
    prev: Prev
    rev: Rev
    name: str
    data: Any
    ts: int


class GoneFrame(_Strict, frozen=True):
    """The device is deleted, or no longer visible to you."""

    n: N
    type: Literal["gone"]
    sub: Id
    device: str


class LinkFrame(_Strict, frozen=True):
    """What the server itself can see of the chain; at once and at each change. What can't be seen is `unknown`."""

    n: N
    type: Literal["link"]
    broker: UpDown
    workers: UpDown
    gateway: UpDown
    layer: UpDown
    database: UpDown
    fresh: Annotated[bool, Meta(description="values from devices reach here, measured from end to end")]
    since: Annotated[int, Meta(description="another one with the same words: it was otherwise in between")]


ServerFrame = (
    OkFrame | ErrorFrame | SnapshotFrame | DeltaFrame | EventFrame | GoneFrame | PeopleFrame | CommandFrame | AlertFrame
    | LinkFrame
)  # fmt: skip
PARTS: Final = (
    Metric, Presence, DeviceSnapshot, Reading, DeltaItem, CommandStep, Command, AlertComment, Alert, AttendingPerson,
)  # fmt: skip
FRAMES: Final[Mapping[str, type[ServerFrame]]] = {
    "ok": OkFrame,
    "error": ErrorFrame,
    "snapshot": SnapshotFrame,
    "delta": DeltaFrame,
    "event": EventFrame,
    "gone": GoneFrame,
    "people": PeopleFrame,
    "command": CommandFrame,
    "alert": AlertFrame,
    "link": LinkFrame,
}


class _Typed(Struct):
    type: str


_type: Final = msgspec.json.Decoder(_Typed).decode
_decoders: Final = {kind: msgspec.json.Decoder(frame).decode for kind, frame in FRAMES.items()}


def decode(text: str | bytes) -> ServerFrame:
    """Read a frame.

    Raises:
        msgspec.DecodeError: it is no JSON; ValidationError: a field is missing, unknown or of another type.
    """
    return _decoders[_known(_type(text).type)](text)


def convert(frame: Mapping[str, Any]) -> ServerFrame:
    """Read a frame that is parsed already.

    Raises:
        msgspec.ValidationError: a field is missing, unknown or of another type.
    """
    found: ServerFrame = msgspec.convert(frame, FRAMES[_known(frame.get("type"))])
    return found


def _known(kind: Any) -> str:
    if kind not in FRAMES:
        raise msgspec.ValidationError(f"no frame has the type {kind!r}")
    return str(kind)
