"""Encodings of exported rows. Each value can be read back as it was.

CSV has a row for each metric of a reading, so that any spreadsheet and any database takes it; NDJSON an object for each
reading, as the API has it; Parquet as CSV, typed and in columns (devices.history.exports.parquet).
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import Raw

from devices.history.exports.selection import Piece, Selection

FormatName = Literal["csv", "ndjson", "parquet"]

READING_COLUMNS: Final = ("device", "rev", "ts", "received_at", "metric", "type", "value")
EVENT_COLUMNS: Final = ("device", "rev", "ts", "name", "data")

decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
encode: Final = msgspec.json.Encoder().encode


class Format(Protocol):
    """How a selection's rows become bytes."""

    media_type: str

    def begin(self) -> bytes:
        """What stands before the first row."""

    def piece(self, piece: Piece) -> bytes:
        """A piece's rows."""

    def end(self) -> bytes:
        """What stands behind the last one."""


def type_of(value: Any) -> str:
    """number, text, boolean or null: what a metric's value is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def picked(metrics: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    """Those of a reading's metrics that are wanted."""
    return {name: metrics[name] for name in names if name in metrics} if names else metrics


def rfc3339(ms: int) -> str:
    """Unix ms in UTC, to the millisecond."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Csv:
    """RFC 4180, UTF-8. ``ts`` in Unix ms. Texts stand as they are, even those that a spreadsheet takes for formulas."""

    media_type = "text/csv; charset=utf-8"

    def __init__(self, selection: Selection) -> None:
        self._names = selection.metrics
        self._is_readings = selection.kind == "readings"

    def begin(self) -> bytes:
        """The header."""
        return _written([READING_COLUMNS if self._is_readings else EVENT_COLUMNS])

    def piece(self, piece: Piece) -> bytes:
        """Of each reading a row a metric; of each event one."""
        if not self._is_readings:
            return _written((piece.device, *row) for row in piece.rows)
        return _written(
            (piece.device, rev, ts, received_at, name, type_of(value), _cell(value))
            for rev, ts, received_ms, text in piece.rows
            for received_at in (rfc3339(received_ms),)
            for name, value in picked(decode(text), self._names).items()
        )

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _written(rows: Any) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


class Ndjson:
    """An object a line."""

    media_type = "application/x-ndjson"

    def __init__(self, selection: Selection) -> None:
        self._names = selection.metrics
        self._is_readings = selection.kind == "readings"

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def piece(self, piece: Piece) -> bytes:
        """An object for each reading, or event."""
        line = self._reading if self._is_readings else self._event
        return b"".join(encode({"device": piece.device, **line(*row)}) + b"\n" for row in piece.rows)

    def _reading(self, rev: int, ts: int, received_ms: int, text: str) -> dict[str, Any]:
        metrics = picked(decode(text), self._names) if self._names else Raw(text.encode())
        return {"rev": rev, "ts": ts, "received_at": rfc3339(received_ms), "metrics": metrics}

    def _event(self, rev: int, ts: int, name: str, text: str) -> dict[str, Any]:
        return {"rev": rev, "ts": ts, "name": name, "data": Raw(text.encode())}

    def end(self) -> bytes:
        """Nothing."""
        return b""


TEXT_FORMATS: Final[Mapping[str, Callable[[Selection], Format]]] = {"csv": Csv, "ndjson": Ndjson}
