"""InfluxDB's annotated CSV, as its query API and ``influx query --raw`` give it.

https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/: tables, each under its annotations (#datatype,
#group, #default) and its header. A row is a value (``_time``, ``_field``, ``_value``), or, pivoted, one of each column
that is no tag. Times are cut to milliseconds.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from bridge.observations import Scalar
from devices.history.imports.long_rows import Bad, LongRow, readings_of
from devices.history.imports.records import Record, SourceError
from devices.history.imports.storable import number_of
from devices.history.imports.tables import CsvFile

_NUMBERS: Final = ("double", "long", "unsignedLong")
_OF_THE_TABLE: Final = ("", "result", "table")
_NS_A_MS: Final = 1_000_000


class DeviceNames(Struct, frozen=True):
    """Whose a foreign row is.

    A device for all rows; or else a site, and the column that holds the device's name in it (or its whole key).
    """

    device: str = ""
    site: str = ""
    column: str = ""

    def key(self, name: str) -> str:
        """The key of the device of this name."""
        return name if "/" in name or not self.site else f"{self.site}/{name.strip().replace(' ', '_')}"


class Annotated:
    """A file of it.

    Args:
        path: where it is.
        names: whose the rows are; the column is a tag, ``device`` by default.
    """

    def __init__(self, path: Path, names: DeviceNames) -> None:
        self._file, self._names = CsvFile(path), names

    def close(self) -> None:
        """As of Source."""
        self._file.close()

    @property
    def done(self) -> float:
        """As of Source."""
        return self._file.done

    def records(self) -> Iterator[Record]:
        """As of Source. Each row is a reading."""
        return readings_of(self._values())

    def _values(self) -> Iterator[LongRow]:
        annotations: dict[str, list[str]] = {}
        table: _Table | None = None
        for row in self._file.rows():
            if row and row[0].startswith("#"):
                if table is not None:
                    annotations, table = {}, None
                annotations[row[0]] = row
            elif not any(row):
                table = None
            elif table is None:
                table = _Table(row, annotations, self._names, self._file.line)
            else:
                yield from table.values(row, self._file.line)


class _Table:
    """One table's columns.

    Raises:
        SourceError: it isn't annotated, has no time, or no device.
    """

    def __init__(self, header: list[str], annotations: Mapping[str, list[str]], names: DeviceNames, line: int) -> None:
        if header[1:3] == ["error", "reference"] or header[:2] == ["error", "reference"]:
            raise SourceError(f"line {line}: the file holds an error of InfluxDB, not data")
        self._kinds, groups = annotations.get("#datatype", []), annotations.get("#group", [])
        if len(self._kinds) != len(header):
            raise SourceError(f"line {line}: there is no #datatype for the columns: is this annotated CSV?")
        self._defaults = annotations.get("#default", [])
        columns = {name: index for index, name in enumerate(header)}
        tag = names.column or "device"
        if "_time" not in columns or not (names.device or tag in columns):
            missing = "_time" if "_time" not in columns else tag
            raise SourceError(f"line {line}: there is no column {missing}; give --device KEY, or --device-column NAME")
        self._names, self._time, self._device = names, columns["_time"], columns.get(tag)
        self._field, self._value = columns.get("_field"), columns.get("_value")
        grouped = {name for name, index in columns.items() if groups[index : index + 1] == ["true"]}
        no_fields = {tag, *_OF_THE_TABLE, *grouped}
        self._pivoted = [
            (name, index) for name, index in columns.items() if not (name in no_fields or name.startswith("_"))
        ]

    def values(self, row: list[str], line: int) -> Iterator[LongRow]:
        if len(row) < len(self._kinds):
            raise SourceError(f"line {line}: it has {len(row)} fields, and should have {len(self._kinds)}")
        names = self._names
        device = names.device or names.key(self._cell(row, self._device or 0))
        ts = self._ts(row)
        if self._field is not None and self._value is not None:
            yield LongRow(device, line, ts, self._cell(row, self._field), self._typed(row, self._value))
            return
        for name, index in self._pivoted:
            if self._cell(row, index):
                yield LongRow(device, line, ts, name, self._typed(row, index))

    def _cell(self, row: list[str], index: int) -> str:
        return row[index] or (self._defaults[index] if index and index < len(self._defaults) else "")

    def _ts(self, row: list[str]) -> Any:
        text = self._cell(row, self._time)
        return int(text) // _NS_A_MS if self._kinds[self._time] == "dateTime:number" and text.isdigit() else text

    def _typed(self, row: list[str], index: int) -> Scalar | Bad:
        text, kind = self._cell(row, index), self._kinds[index]
        if kind in _NUMBERS:
            number = number_of(text)
            if number is None:
                return Bad("not_a_number", text) if text else None
            return float(number) if kind == "double" else number
        if kind == "boolean":
            return {"true": True, "false": False}.get(text, Bad("not_a_scalar", text) if text else None)
        return text
