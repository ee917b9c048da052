"""What ``manage.py import`` hands to the workers of devices: pieces of a file, each for the devices of one shard.

A file's records (readings, or events) are numbered from 0. A device's come in their order, and how far it is stands
beside its rows (devices.models.ImportPosition): so each takes effect once, whoever is killed, however often it is
handed over.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, field, msgpack

from bridge.observations import Note, Scalar


class ImportedReading(Struct, array_like=True, frozen=True, gc=False):
    """A reading of a file."""

    number: int  # the record's
    ts: int  # Unix ms
    metrics: dict[str, Scalar]


class ImportedEvent(Struct, array_like=True, frozen=True, gc=False):
    """An event of a file."""

    number: int
    ts: int  # Unix ms
    name: str
    data: bytes  # JSON


class BadRecord(Struct, array_like=True, frozen=True, gc=False):
    """What can't be read of a record; it goes to quarantine."""

    number: int
    suffix: str  # of the topic on which it would have come
    reason: str  # as of quarantined messages
    detail: str
    payload: bytes


class DeviceRecords(Struct, array_like=True):
    """Some records of one device, in order."""

    device: str
    behind: int = -1  # the number of the device's record before them; -1: there is none
    readings: list[ImportedReading] = field(default_factory=list)
    events: list[ImportedEvent] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)  # of values that were not taken as they stand

    @property
    def last(self) -> int:
        """The highest number."""
        return max(its[-1].number for its in (self.readings, self.events, self.bad) if its)

    def after(self, number: int) -> "DeviceRecords":
        """Those behind a number."""
        return DeviceRecords(
            self.device,
            number,
            [one for one in self.readings if one.number > number],
            [one for one in self.events if one.number > number],
            [one for one in self.bad if one.number > number],
            self.notes,
        )

    @property
    def size(self) -> int:
        """How many."""
        return len(self.readings) + len(self.events) + len(self.bad)

    def __bool__(self) -> bool:
        return bool(self.size)


class Piece(Struct, array_like=True, frozen=True):
    """What is handed over at once."""

    devices: list[DeviceRecords]
    creates: bool = False  # devices that there are not
    as_news: bool = False  # alerts are judged and handlers called as if devices had sent it
    asked_by: str = ""  # an actor


class Result(Struct):
    """What became of records."""

    imported: int = 0
    known: int = 0  # the device has had the same, at the same time, before the import began
    repeated: int = 0  # they took effect by an earlier piece
    quarantined: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # devices that don't take any, and why

    def add(self, other: "Result") -> None:
        """Count both together."""
        self.imported += other.imported
        self.known += other.known
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        self.refused = other.refused | self.refused


pack: Final[Callable[[Piece], bytes]] = msgpack.Encoder().encode
"""As MessagePack: each number comes back bit for bit."""

unpack: Final[Callable[[bytes], Piece]] = msgpack.Decoder(Piece).decode
"""What was packed."""
