"""Parquet. While an export runs its rows are spooled as an Arrow stream, which can be gone on with; then made a file.

Of readings a row for each metric: ``number``, ``text`` or ``boolean`` holds its value, none of them a null. A number
that is stored without a fraction (21, not 21.0) is an ``is_integer``, so that it comes back as it was.
"""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from devices.history.exports.formats import decode, picked
from devices.history.exports.selection import Piece, Selection

_MS: Final = pa.timestamp("ms", tz="UTC")
_NAMES: Final = pa.dictionary(pa.int32(), pa.string())
READINGS: Final = pa.schema([
    ("device", pa.string()), ("rev", pa.int64()), ("ts", _MS), ("received_at", _MS), ("metric", pa.string()),
    ("number", pa.float64()), ("text", pa.string()), ("boolean", pa.bool_()), ("is_integer", pa.bool_()),
])  # fmt: skip
EVENTS: Final = pa.schema([
    ("device", pa.string()), ("rev", pa.int64()), ("ts", _MS), ("name", pa.string()), ("data", pa.string()),
])  # fmt: skip
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"  # Arrow columnar format, "IPC Streaming Format"
_ROWS_A_GROUP: Final = 1_000_000


class ArrowStream:
    """The spool's encoding; also what :data:`media_type` says."""

    media_type = "application/vnd.apache.arrow.stream"

    def __init__(self, selection: Selection) -> None:
        self._names = selection.metrics
        self._is_readings = selection.kind == "readings"
        self._schema = READINGS if self._is_readings else EVENTS

    def begin(self) -> bytes:
        """The schema."""
        return bytes(self._schema.serialize())

    def piece(self, piece: Piece) -> bytes:
        """A record batch."""
        columns = self._readings(piece) if self._is_readings else self._events(piece)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        return bytes(pa.record_batch(arrays, self._schema).serialize())

    def _readings(self, piece: Piece) -> list[list[Any]]:
        revs, times, received, names, numbers, texts, booleans, integers = columns = [[] for _ in range(8)]  # type: ignore[var-annotated]
        for rev, ts, received_ms, text in piece.rows:
            for name, value in picked(decode(text), self._names).items():
                revs.append(rev)
                times.append(ts)
                received.append(received_ms)
                names.append(name)
                is_text, is_boolean = isinstance(value, str), isinstance(value, bool)
                numbers.append(None if is_text or is_boolean else value)
                texts.append(value if is_text else None)
                booleans.append(value if is_boolean else None)
                integers.append(type(value) is int if type(value) in (int, float) else None)
        return [[piece.device] * len(revs), *columns]

    @staticmethod
    def _events(piece: Piece) -> list[list[Any]]:
        revs, times, names, data = (list(column) for column in zip(*piece.rows, strict=True))
        return [[piece.device] * len(revs), revs, times, names, data]

    def end(self) -> bytes:
        """The end of the stream."""
        return _END_OF_STREAM


def make_file(spool: Path, file: Path) -> None:
    """Make a Parquet file of a whole spool, a row group in memory at a time.

    Raises:
        OSError: the disk.
    """
    with pa.OSFile(str(spool)) as source, pa.ipc.open_stream(source) as stream:
        schema = pa.schema([_packed(field) for field in stream.schema])
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            gathered: list[Any] = []
            for batch in stream:
                gathered.append(batch)
                if sum(one.num_rows for one in gathered) >= _ROWS_A_GROUP:
                    _write(writer, gathered, schema)
                    gathered = []
            _write(writer, gathered, schema)


def _packed(field: Any) -> Any:
    return pa.field(field.name, _NAMES) if field.name in ("device", "metric", "name") else field


def _write(writer: Any, batches: list[Any], schema: Any) -> None:
    if batches:
        writer.write_table(pa.Table.from_batches(batches).cast(schema))
