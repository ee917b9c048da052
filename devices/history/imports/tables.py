"""CSV: Causeway's own, and what all CSV has in common."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bridge.observations import Scalar
from devices.history.exports.formats import EVENT_COLUMNS, READING_COLUMNS
from devices.history.imports.long_rows import Bad, LongRow, event, readings_of
from devices.history.imports.records import Record, SourceError
from devices.history.imports.storable import number_of

_MOST_FIELD_CHARS: Final = 16 * 1024 * 1024
_READING: Final = frozenset(READING_COLUMNS) - {"rev", "received_at"}
_EVENT: Final = frozenset(EVENT_COLUMNS) - {"rev"}
_BOOLEANS: Final = {"true": True, "false": False}


class CsvFile:
    """A CSV file, read once. UTF-8, with or without byte order mark; what is no UTF-8 is a bad text, not an end.

    Args:
        path: where it is.
        delimiter: between fields.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        csv.field_size_limit(_MOST_FIELD_CHARS)
        self._size = path.stat().st_size or 1
        self._raw = path.open("rb")
        self._text = io.TextIOWrapper(self._raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._reader = csv.reader(self._text, delimiter=delimiter)

    def rows(self) -> Iterator[list[str]]:
        """Its rows, empty ones included.

        Raises:
            SourceError: a field is too long.
        """
        try:
            yield from self._reader
        except csv.Error as error:
            raise SourceError(f"line {self.line}: {error}") from None

    def close(self) -> None:
        """As of Source."""
        self._text.close()

    @property
    def line(self) -> int:
        """The last one that was read, from 1."""
        return self._reader.line_num

    @property
    def done(self) -> float:
        """As of Source."""
        return min(1.0, self._raw.tell() / self._size)


class OwnCsv:
    """As ``manage.py export`` writes it: readings, a row a metric, or events. Columns in any order, others ignored."""

    def __init__(self, path: Path) -> None:
        self._file = CsvFile(path)

    def close(self) -> None:
        """As of Source."""
        self._file.close()

    @property
    def done(self) -> float:
        """As of Source."""
        return self._file.done

    def records(self) -> Iterator[Record]:
        """As of Source."""
        rows = self._file.rows()
        header = next(rows, [])
        columns = {name: index for index, name in enumerate(header)}
        if columns.keys() >= _READING:
            yield from readings_of(self._values(rows, columns))
        elif columns.keys() >= _EVENT:
            yield from self._events(rows, columns)
        else:
            raise SourceError(f"line 1: the columns should be {','.join(READING_COLUMNS)} or {','.join(EVENT_COLUMNS)}")

    def _values(self, rows: Iterator[list[str]], columns: Mapping[str, int]) -> Iterator[LongRow]:
        names = ("device", "ts", "metric", "type", "value")
        device, ts, metric, kind, value = (columns[name] for name in names)
        rev, width = columns.get("rev"), max(columns.values()) + 1
        for row in rows:
            if not row:
                continue
            if len(row) < width:
                raise SourceError(f"line {self._file.line}: it has {len(row)} fields, and should have {width}")
            reading = row[rev] if rev is not None else None
            yield LongRow(row[device], reading, row[ts], row[metric], _value(row[kind], row[value]))

    def _events(self, rows: Iterator[list[str]], columns: Mapping[str, int]) -> Iterator[Record]:
        device, ts, name, data = (columns[one] for one in ("device", "ts", "name", "data"))
        width, number = max(columns.values()) + 1, -1
        for row in rows:
            if not row:
                continue
            if len(row) < width:
                raise SourceError(f"line {self._file.line}: it has {len(row)} fields, and should have {width}")
            number += 1
            yield event(row[device], number, row[ts], row[name], row[data].encode(errors="surrogateescape"))


def _value(kind: str, text: str) -> Scalar | Bad:
    match kind:
        case "number":
            number = number_of(text)
            return Bad("not_a_number", text) if number is None else number
        case "text":
            return text
        case "boolean":
            return _BOOLEANS.get(text, Bad("not_a_scalar", text))
        case "null":
            return None
    return Bad("not_a_scalar", f"{text}, of type {kind}")


def plain(text: str) -> Any:
    """What a cell without a type says: a number, true, false, or a text."""
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    number = number_of(text)
    return text if number is None or text.strip("+-").isalpha() else number
