"""Parquet, as ``manage.py export`` writes it. A batch of rows is in memory at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from devices.history.imports.long_rows import LongRow, event, readings_of
from devices.history.imports.records import Record, SourceError

_ROWS: Final = 10_000
_READING: Final = frozenset({"device", "ts", "metric", "number", "text", "boolean"})
_EVENT: Final = frozenset({"device", "ts", "name", "data"})


class ParquetFile:
    """Readings, a row a metric, or events.

    Args:
        path: where it is.

    Raises:
        SourceError: it is no Parquet.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = parquet.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise SourceError(str(error).splitlines()[0]) from None
        self._rows, self._read = self._file.metadata.num_rows or 1, 0

    def close(self) -> None:
        """As of Source."""
        self._file.close()

    @property
    def done(self) -> float:
        """As of Source."""
        return self._read / self._rows

    def records(self) -> Iterator[Record]:
        """As of Source."""
        names = frozenset(self._file.schema_arrow.names)
        if names >= _READING:
            yield from readings_of(self._values(names))
        elif names >= _EVENT:
            rows = self._columns(("device", "ts", "name", "data"))
            for number, (device, ts, name, data) in enumerate(rows):
                yield event(device, number, ts, name, data.encode())
        else:
            raise SourceError(f"the columns should be {', '.join(sorted(_READING))} or {', '.join(sorted(_EVENT))}")

    def _values(self, names: frozenset[str]) -> Iterator[LongRow]:
        wanted = ("device", "rev", "ts", "metric", "number", "is_integer", "text", "boolean")
        for device, rev, ts, metric, number, is_integer, text, boolean in self._columns(wanted, names):
            value: Any = text if text is not None else boolean if boolean is not None else number
            yield LongRow(device, rev, ts, metric, int(number) if is_integer and value is number else value)

    def _columns(self, wanted: tuple[str, ...], there: frozenset[str] | None = None) -> Iterator[tuple[Any, ...]]:
        """Rows of these columns; of one that isn't there, nulls."""
        found = [name for name in wanted if there is None or name in there]
        for batch in self._file.iter_batches(_ROWS, columns=found):
            columns = [_plain(batch.column(name)) if name in found else [None] * batch.num_rows for name in wanted]
            yield from zip(*columns, strict=True)
            self._read += batch.num_rows


def _plain(column: Any) -> list[Any]:
    """Python values; times in Unix ms."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False).cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values
