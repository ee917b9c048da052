"""An import: a file's records, cut into pieces for the devices' workers, and what these say became of them.

A few pieces are with the workers at a time: they stand in the database, so nothing is lost if we die, and nothing waits
here in memory. Whoever begins again with the same file leaves out what has taken effect.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from msgspec import Struct, convert, field

from bridge.messages import RequestStored
from bridge.names import is_device_key
from bridge.shards import device_hash, shard_of
from devices.history.imports.records import Record, Source
from devices.models import Device, Import, ImportPiece, ImportPosition
from devices.requests.imports import BadRecord, DeviceRecords, ImportedEvent, ImportedReading, Piece, Result, pack
from devices.requests.nudges import nudge
from runtime.database_clock import asked_now

PIECE_RECORDS: Final = 1_000
PIECE_VALUES: Final = 5_000
_MOST_WAITING: Final = 32  # pieces
_LOOK_S: Final = 0.02  # between looks at what is done
_LONGEST_LOOK_S: Final = 0.5
_MOST_NOTES: Final = 20  # of a device in a piece


class UnknownDevicesError(Exception):
    """The file is of devices that there are not: ``names``."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Wishes(Struct, frozen=True):
    """What is to be done with records."""

    creates: bool = False  # devices that there are not
    skips_unknown: bool = False
    as_news: bool = False
    asked_by: str = ""


class Account(Struct):
    """What became of an import so far."""

    result: Result = field(default_factory=Result)
    earlier: int = 0  # records that had taken effect before this run
    unknown: Counter[str] = field(default_factory=Counter)  # records by device that there is not, or by what is no key
    notes: int = 0  # values that were not taken as they stand
    waits_s: float = 0.0  # since when nothing has come back


Told = Callable[[Account, float], None]
"""Told of the account, and of the part of the file that is read."""


def begun(digest: str, name: str, asked_by: str, *, again: bool = False) -> Import:
    """The import of a file: anew, or as far as it is. ``again``: forget that it ever was."""
    if again:
        Import.objects.filter(digest=digest).delete()
    begun_ms = round(asked_now().timestamp() * 1000)
    defaults = {"name": name[:200], "begun_ms": begun_ms, "created_by": asked_by}
    return Import.objects.get_or_create(digest=digest, defaults=defaults)[0]


class HandingOver:
    """Carries out one import.

    Args:
        file: the import.
        wishes: what is to be done.
        told: called after each piece.
    """

    def __init__(self, file: Import, wishes: Wishes, told: Told) -> None:
        self._file, self._wishes, self._told = file, wishes, told
        self._shards: int = settings.DEVICES.shards
        self._gathered: dict[int, _Gathered] = {}  # by shard
        self._waiting: set[int] = set()
        self._known: set[str] = set()
        self._heard_s = time.monotonic()
        self._done_before: dict[str, int] = {}  # the last record's number by device
        self._handed: dict[str, int] = {}  # the same of what is with the workers
        self.account = Account()

    def run(self, source: Source) -> Account:
        """Hand over all, and wait until all is done.

        Raises:
            UnknownDevicesError: the wishes don't say what to do with them; what came before them is imported.
            SourceError, OSError: the file.
            django.db.Error: the database.
        """
        pieces = ImportPiece.objects.filter(file=self._file)
        pieces.filter(is_done=True).delete()
        self._waiting = set(pieces.values_list("pk", flat=True))  # of an earlier run
        positions = ImportPosition.objects.filter(file=self._file).values_list("device__key", "upto")
        self._done_before = dict(positions.iterator())
        self._handed = dict(self._done_before)
        for record in source.records():
            self._take(record, source)
        for shard in list(self._gathered):
            self._store(shard, source)
        self._await(0, source)
        return self.account

    def _take(self, record: Record, source: Source) -> None:
        key = record.device
        if record.what.number <= self._done_before.get(key, -1):
            self.account.earlier += 1
            return
        if not is_device_key(key):
            self.account.unknown[key[:200]] += 1
            return
        shard = shard_of(key, self._shards)
        gathered = self._gathered.get(shard)
        if gathered is not None and gathered.is_full(record):
            self._store(shard, source)
            gathered = None
        if gathered is None:
            gathered = self._gathered[shard] = _Gathered(self._handed)
        gathered.add(key, record)

    def _store(self, shard: int, source: Source) -> None:
        gathered = self._gathered.pop(shard)
        self._check(gathered.devices)
        if gathered.devices:
            wishes = self._wishes
            piece = Piece(list(gathered.devices.values()), wishes.creates, wishes.as_news, wishes.asked_by)
            self._insert(piece, shard)
        self._await(_MOST_WAITING - 1, source)

    def _insert(self, piece: Piece, shard: int) -> None:
        self.account.notes += sum(note.count for one in piece.devices for note in one.notes)
        hash_ = device_hash(piece.devices[0].device)
        with transaction.atomic():
            row = ImportPiece.objects.create(file=self._file, hash=hash_, payload=pack(piece))
        if not self._waiting:
            self._heard_s = time.monotonic()
            async_to_sync(nudge)(RequestStored(shard, 0, ""))
        self._waiting.add(row.pk)

    def _check(self, devices: dict[str, DeviceRecords]) -> None:
        """Leave out those that there are not, or stop."""
        doubtful = [key for key in devices if key not in self._known]
        if not doubtful or self._wishes.creates:
            return
        self._known |= set(Device.objects.filter(key__in=doubtful).values_list("key", flat=True))
        strange = [key for key in doubtful if key not in self._known]
        if strange and not self._wishes.skips_unknown:
            raise UnknownDevicesError(strange)
        for key in strange:
            self.account.unknown[key] += devices.pop(key).size

    def _await(self, most: int, source: Source) -> None:
        """Until at most so many pieces wait for the workers."""
        pause_s = _LOOK_S
        while True:
            self._look()
            self._told(self.account, source.done)
            if len(self._waiting) <= most:
                return
            time.sleep(pause_s)
            pause_s = min(_LONGEST_LOOK_S, 1.5 * pause_s)

    def _look(self) -> None:
        rows = ImportPiece.objects.filter(pk__in=self._waiting, is_done=True)
        done = dict(rows.values_list("pk", "result")) if self._waiting else {}
        if done:
            self._heard_s = time.monotonic()
            for result in done.values():
                self.account.result.add(convert(result, Result))
            self._waiting -= done.keys()
            ImportPiece.objects.filter(pk__in=done).delete()
        self.account.waits_s = time.monotonic() - self._heard_s if self._waiting else 0.0


class _Gathered:
    """What of one shard's devices is not handed over yet.

    Args:
        handed: the number of each device's last record; kept up.
    """

    def __init__(self, handed: dict[str, int]) -> None:
        self.devices: dict[str, DeviceRecords] = {}
        self._handed = handed
        self._records, self._values, self._number = 0, 0, -1

    def is_full(self, next_one: Record) -> bool:
        """Parts of one record are never torn apart."""
        is_enough = self._records >= PIECE_RECORDS or self._values >= PIECE_VALUES
        return is_enough and next_one.what.number != self._number

    def add(self, key: str, record: Record) -> None:
        what = record.what
        its = self.devices.get(key)
        if its is None:
            its = self.devices[key] = DeviceRecords(key, self._handed.get(key, -1))
        self._records += 1
        self._number = self._handed[key] = what.number
        match what:
            case ImportedReading():
                its.readings.append(what)
                self._values += len(what.metrics)
            case ImportedEvent():
                its.events.append(what)
                self._values += 1 + len(what.data) // 100
            case BadRecord():
                its.bad.append(what)
                self._values += 1 + len(what.payload) // 100
        its.notes.extend(record.notes[: _MOST_NOTES - len(its.notes)])
