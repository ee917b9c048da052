"""What a source of records yields, whatever its format."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from bridge.observations import Note
from devices.requests.imports import BadRecord, ImportedEvent, ImportedReading


class Record(Struct, frozen=True, gc=False):
    """A record of a file, or a part of one that can't be read."""

    device: str  # key, or what stands in its place
    what: ImportedReading | ImportedEvent | BadRecord
    notes: tuple[Note, ...] = ()


class Source(Protocol):
    """A file that is read."""

    def records(self) -> Iterator[Record]:
        """All of them, in order, numbered from 0. The same for the same file, whenever it is read.

        Raises:
            SourceError: the file can't be read on.
            OSError: the disk.
        """

    def close(self) -> None:
        """Close the file."""

    @property
    def done(self) -> float:
        """How much of it is read: 0 … 1."""


class SourceError(Exception):
    """A file is not what it is said to be; the message is for people."""
