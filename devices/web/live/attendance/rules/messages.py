"""What web processes tell each other of who attends what. Pure.

A process numbers what it tells: whoever hears ``n + 1`` after ``n`` has missed nothing, others ask for the whole.
On the layer: ``{"type": "hub.people", "body": msgpack bytes}``.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from devices.web.live.attendance.rules.people import Doing

GROUP: Final = "dashboard.people"
KIND: Final = "hub.people"
MOST_BYTES: Final = 48 * 1024  # about, of the changes in a message

Process = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[int, Meta(ge=0)]


class Change(Struct, frozen=True, array_like=True):
    """What a person does at a place by the sockets of a process; ``doing`` None: nothing any more."""

    place: str
    person: str
    name: str = ""
    doing: Doing | None = None
    since: int = 0
    sites: tuple[str, ...] | None = ()  # None: all; of people at devices none are told

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 40 + len(self.place) + 4 * len(self.name) + sum(len(site) + 2 for site in self.sites or ())


class Told(Struct, frozen=True, tag="told"):
    """Changes. ``begins``: these are the first of all that there is, and what was told before ``n`` isn't needed."""

    process: Process
    n: Number
    changes: list[Change]
    begins: bool = False


class Beat(Struct, frozen=True, tag="beat"):
    """The process is there; ``n`` is that of what it told last, ``beat`` counts its beats."""

    process: Process
    n: Number
    beat: Number


class Ask(Struct, frozen=True, tag="ask"):
    """Tell the whole: one process, or all (``of`` None)."""

    process: Process
    of: Process | None = None


class Left(Struct, frozen=True, tag="left"):
    """The process serves no socket any more."""

    process: Process


Message = Told | Beat | Ask | Left
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Message).decode


def pack(message: Message) -> dict[str, Any]:
    """The message as the layer takes it."""
    return {"type": KIND, "body": _encode(message)}


def unpack(layer_message: dict[str, Any]) -> Message | None:
    """The message, or None where it is none of these."""
    try:
        found: Message = _decode(layer_message.get("body") or b"")
    except (msgspec.MsgspecError, TypeError):
        return None
    return found


def in_portions(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """The changes of each message: as many as it may have."""
    portion: list[Change] = []
    size = 0
    for change in changes:
        if portion and size + change.size > MOST_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(change)
        size += change.size
    if portion:
        yield portion
