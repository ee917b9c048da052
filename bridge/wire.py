"""The form of messages on the channel layer: ``{"type": …, "v": 1, "body": msgpack bytes}``. Converted only here.

``type`` names the handler of the receiving consumer (channels convention: ``uplink.batch`` → ``uplink_batch``).
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from bridge import messages as m

VERSION: Final = 1

Message = (
    m.Batch
    | m.Batches
    | m.Acks
    | m.Publish
    | m.Published
    | m.Refetch
    | m.FiltersChanged
    | m.ListenAsked
    | m.CommandStored
    | m.RequestStored
    | m.RequestSettled
    | m.Commit
)

_CLASSES: Final[dict[str, type[Message]]] = {
    "uplink.batch": m.Batch,
    "uplink.batches": m.Batches,
    "link.acks": m.Acks,
    "downlink.publish": m.Publish,
    "downlink.published": m.Published,
    "downlink.refetch": m.Refetch,
    "downlink.filters": m.FiltersChanged,
    "downlink.listen": m.ListenAsked,
    "command.stored": m.CommandStored,
    "request.stored": m.RequestStored,
    "request.settled": m.RequestSettled,
    "dashboard.commit": m.Commit,
}
_TYPES: Final = {cls: name for name, cls in _CLASSES.items()}
_DECODERS: Final = {name: msgspec.msgpack.Decoder(cls) for name, cls in _CLASSES.items()}
_encode = msgspec.msgpack.Encoder().encode


class Unreadable(Struct, frozen=True):
    """A layer message that is not ours, or of another version."""

    reason: str


def pack(message: Message) -> dict[str, Any]:
    """The channel-layer message for ``message``."""
    return {"type": _TYPES[type(message)], "v": VERSION, "body": _encode(message)}


def unpack(layer_message: dict[str, Any]) -> Message | Unreadable:
    """The message in a channel-layer message; Unreadable instead of an exception, whatever it is."""
    kind, version, body = (layer_message.get(name) for name in ("type", "v", "body"))
    if not isinstance(kind, str) or kind not in _DECODERS:
        return Unreadable(f"unknown type {kind!r}")
    if version != VERSION:
        return Unreadable(f"{kind} of version {version!r}, expected {VERSION}")
    if not isinstance(body, bytes):
        return Unreadable(f"{kind} without bytes")
    try:
        return _DECODERS[kind].decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Unreadable(f"{kind}: {error}")
