"""What clients may send, typed: docs/websocket.md, client → server. Nothing here raises, whatever the text. Pure."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from devices.web.live.attendance.rules.people import Doing
from devices.web.live.stream.targets import DEFAULT_RATE_HZ, MAX_RATE_HZ, MIN_RATE_HZ

MAX_FRAME_BYTES: Final = 256 * 1024
MAX_ID_CHARS: Final = 128

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)] | Annotated[int, Meta(ge=0, le=2**53)]
Rev = Annotated[int, Meta(ge=0)]


class Subscribe(Struct, frozen=True, tag="subscribe", tag_field="type", forbid_unknown_fields=True):
    """Watch devices, or a site (`"*"`: all). The numbers are the revs that the client has; null: none."""

    id: Id
    devices: dict[str, Rev | None] | None = None
    site: str | None = None
    max_rate_hz: Annotated[float, Meta(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)] = DEFAULT_RATE_HZ
    readings: Literal["all", "latest"] = "all"
    description: Literal["full", "brief"] = "full"


class Unsubscribe(Struct, frozen=True, tag="unsubscribe", tag_field="type", forbid_unknown_fields=True):
    """Stop watching."""

    id: Id
    sub: Id


class SendCommand(Struct, frozen=True, tag="command", tag_field="type", forbid_unknown_fields=True):
    """Send a command to a device."""

    # What is Any is checked where commands are stored.
    id: Id
    device: str
    name: Annotated[Any, Meta(extra_json_schema={"type": "string"})]
    args: Annotated[Any, Meta(description="any JSON")] = None
    ttl_s: Annotated[Any, Meta(extra_json_schema={"type": "integer"}, description="seconds that it may take")] = UNSET
    idempotency_key: Annotated[Any, Meta(description="a text: the same one never makes a second command")] = None


class SetDesired(Struct, frozen=True, tag="desired", tag_field="type", forbid_unknown_fields=True):
    """Merge a patch into the desired state, at a certain version only if one is given."""

    id: Id
    device: str
    patch: dict[str, Any]
    if_version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Acknowledge(Struct, frozen=True, tag="ack", tag_field="type", forbid_unknown_fields=True):
    """All frames up to `n` are handled. No request: it gets no reply."""

    n: Rev


class Attend(Struct, frozen=True, tag="attend", tag_field="type", forbid_unknown_fields=True):
    """Be at a place: a device, ``page:NAME`` or ``app:LABEL/NAME``; and say what the user does there."""

    id: Id
    place: str
    doing: Doing = "viewing"


class Leave(Struct, frozen=True, tag="leave", tag_field="type", forbid_unknown_fields=True):
    """Be there no longer."""

    id: Id
    place: str


class Ping(Struct, frozen=True, tag="ping", tag_field="type", forbid_unknown_fields=True):
    """Ask for a sign of life."""

    id: Id


Request = Subscribe | Unsubscribe | SendCommand | SetDesired | Attend | Leave | Ping
ClientFrame = Request | Acknowledge


class BadFrame(Struct, frozen=True):
    """A frame that can't be understood; ``id`` is the request's, as far as it had one."""

    id: str | int | None
    code: Literal["bad_request", "too_large"]
    message: str


class _Envelope(Struct):
    type: Any | UnsetType = UNSET
    id: Any | UnsetType = UNSET


_frame: Callable[[bytes], ClientFrame] = msgspec.json.Decoder(ClientFrame).decode
_envelope: Callable[[bytes], _Envelope] = msgspec.json.Decoder(_Envelope).decode
_KINDS: Final = ("ack", "attend", "command", "desired", "leave", "ping", "subscribe", "unsubscribe")


def parse(text: str) -> ClientFrame | BadFrame:
    """Understand one text frame."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_FRAME_BYTES:
        return BadFrame(_id_in(raw), "too_large", f"a frame may have {MAX_FRAME_BYTES} bytes")
    try:
        return _frame(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return BadFrame(_id_in(raw), "bad_request", _why(raw, error))


def _id_in(raw: bytes) -> str | int | None:
    try:
        found: str | int = msgspec.convert(_envelope(raw).id, Id)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found


def _why(raw: bytes, error: Exception) -> str:
    """A sentence for whoever wrote the client."""
    try:
        kind = _envelope(raw).type
    except msgspec.ValidationError:
        return "a frame is one JSON object"
    except (msgspec.MsgspecError, ValueError, RecursionError) as not_json:
        return f"not JSON: {not_json}"
    if kind not in _KINDS:
        return f"type must be one of {', '.join(_KINDS)}"
    return f"{kind}: {error}"
