"""Where a stream's client stands, as an event's id: at most 1 KiB, whatever the number of devices. Pure.

An id is ``<stream>.<number>.<moved>``. ``moved`` has the devices and revs of what was sent since the ``number``-th part
that was kept of the stream's position (0: none, and ``moved`` is all there is). When that does not fit any more, the
next part is kept, and ``moved`` is empty again. So streams of a few devices need nothing kept at all.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

MAX_ID_BYTES: Final = 1024
MAX_MOVED_BYTES: Final = 64 * 1024  # of ``moved``, unpacked
_MOST_MOVED: Final = 250  # devices: more have never fitted

Revs = Mapping[str, int | None]  # None: the client was told that it is gone

_Rev = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(dict[str, _Rev | None]).decode


class Place(Struct, frozen=True):
    """What an id says."""

    stream: str
    number: int
    moved: dict[str, int | None]
    event_id: str = ""  # that says so


def pack(revs: Revs) -> bytes:
    """Compressed JSON."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(_encode(revs)) + packer.flush()


def unpack(packed: bytes, most_bytes: int) -> dict[str, int | None]:
    """What was packed.

    Raises:
        ValueError: it was not packed here, or has more than ``most_bytes``.
    """
    unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        text = unpacker.decompress(packed, most_bytes)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is cut off, too long, or has something after its end")
    return _decode(text)


def place_of(event_id: str) -> Place | None:
    """Read an id; None: it is none of ours."""
    if len(event_id) > MAX_ID_BYTES or event_id.count(".") != 2 or not event_id.isascii():
        return None
    stream, number, moved = event_id.split(".")
    if not (stream and len(stream) <= 32 and number.isdecimal() and len(number) <= 18):
        return None
    try:
        packed = base64.b64decode(moved + "=" * (-len(moved) % 4), b"-_", validate=True)
        return Place(stream, int(number), unpack(packed, MAX_MOVED_BYTES), event_id)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None


class _Device(Struct):
    device: str
    rev: int


class Sent(Struct):
    """What of a frame moves its client: revs by device."""

    type: str
    more: bool = False
    items: list[_Device] = []  # of a delta
    devices: list[_Device] = []  # of a snapshot
    device: str = ""
    rev: int = 0

    @property
    def has_id(self) -> bool:
        """Whether its event has an id."""
        return self.type in ("delta", "event", "gone") or (self.type == "snapshot" and not self.more)

    @property
    def moved(self) -> dict[str, int | None]:
        """The revs at which it leaves its client."""
        if self.type == "gone":
            return {self.device: None}
        if self.type == "event":
            return {self.device: self.rev}
        return {one.device: one.rev for one in (*self.items, *self.devices)}


class _Typed(Struct):
    type: str


_type: Final = msgspec.json.Decoder(_Typed).decode
_sent: Final = msgspec.json.Decoder(Sent).decode


def read(frame: bytes) -> Sent:
    """What a frame of the server does to its client's position."""
    kind = _type(frame).type
    return _sent(frame) if kind in ("delta", "event", "gone", "snapshot") else Sent(kind)


class Position:
    """Where the client of one stream stands.

    Args:
        stream: the stream's name, its own.
        known: the revs with which the client came.
    """

    def __init__(self, stream: str, known: Revs) -> None:
        self.stream = stream
        self.number = 0  # of the last part that is kept
        self.moved: dict[str, int | None] = dict(known)  # since

    def go_on(self, place: Place) -> None:
        """Go on in the stream that the client came from, in place of a new one."""
        self.stream, self.number, self.moved = place.stream, place.number, dict(place.moved)

    def take(self, sent: Sent) -> None:
        """A frame goes out."""
        self.moved |= sent.moved

    def event_id(self) -> str | None:
        """The id of what was taken last; None: it would be too long, :attr:`moved` must be kept first."""
        if len(self.moved) > _MOST_MOVED:
            return None
        packed = base64.urlsafe_b64encode(pack(self.moved)).rstrip(b"=").decode()
        found = f"{self.stream}.{self.number}.{packed}"
        return found if len(found) <= MAX_ID_BYTES else None

    def kept(self) -> None:
        """:attr:`moved` is kept as part ``number + 1``."""
        self.number += 1
        self.moved = {}
