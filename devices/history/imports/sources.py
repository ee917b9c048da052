"""Which format a file has, and what reads it."""

import hashlib
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct, json

from devices.history.imports.influxdb import Annotated, DeviceNames
from devices.history.imports.ndjson import Ndjson
from devices.history.imports.records import Source, SourceError
from devices.history.imports.tables import OwnCsv
from devices.history.imports.thingsboard import TIMES, Table, delimiter_of

FormatName = Literal["csv", "ndjson", "parquet", "influxdb", "thingsboard"]

_ENDINGS: Final[dict[str, FormatName]] = {
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet"
}  # fmt: skip
_HEAD_BYTES: Final = 64 * 1024
_CHUNK_BYTES: Final = 1024 * 1024


class How(Struct, frozen=True):
    """How a file is read."""

    format: FormatName
    names: DeviceNames = DeviceNames()  # of foreign formats
    zone: tzinfo = UTC  # of times that name none


def format_of(path: Path) -> FormatName:
    """By its name, and CSV by its first line.

    Raises:
        SourceError: it can't be told.
        OSError: the disk.
    """
    if path.suffix.lower() in _ENDINGS:
        return _ENDINGS[path.suffix.lower()]
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[:4] == b"PAR1":
        return "parquet"
    first = head.decode("utf-8-sig", errors="replace").lstrip().partition("\n")[0].strip()
    if first.startswith("{"):
        return "ndjson"
    if first.startswith("#"):
        return "influxdb"
    names = [name.strip(' "').lower() for name in first.split(delimiter_of(first))]
    if {"device", "ts"} <= set(names) and ({"metric", "value"} <= set(names) or {"name", "data"} <= set(names)):
        return "csv"
    if any(name in TIMES for name in names):
        return "thingsboard"
    raise SourceError(f"{path}: its first line is of no format that is known; give --format")


def opened(path: Path, how: How) -> Source:
    """What reads it.

    Raises:
        SourceError: it is not what it is said to be.
        OSError: the disk.
    """
    match how.format:
        case "csv":
            return OwnCsv(path)
        case "ndjson":
            return Ndjson(path)
        case "influxdb":
            return Annotated(path, how.names)
        case "thingsboard":
            return Table(path, how.names, how.zone)
        case "parquet":
            from devices.history.imports.parquet import ParquetFile  # takes a while to load

            return ParquetFile(path)


def digest_of(path: Path, how: How) -> str:
    """What the same file, read in the same way, has in common: SHA-256, hex."""
    its = hashlib.sha256(json.encode([how.format, how.names, str(how.zone)]))
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            its.update(chunk)
    return its.hexdigest()
