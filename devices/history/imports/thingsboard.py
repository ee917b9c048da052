"""CSV of ThingsBoard's tables (``Export as CSV``): a row a time, a column a key, the first column ``Timestamp``.

Which separator and which form of time it has depends on the installation and the browser: comma, semicolon or tab; Unix
ms, RFC 3339, or local time like ``2026-05-01 12:00:00``. A cell says by itself what it is: 21.5, true, or a text; an
empty one is no value.
"""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from devices.history.imports.influxdb import DeviceNames
from devices.history.imports.long_rows import LongRow, readings_of
from devices.history.imports.records import Record, SourceError
from devices.history.imports.tables import CsvFile, plain

TIMES: Final = ("timestamp", "ts", "time", "date")
_NAMES: Final = ("entity name", "entityname", "device", "device name", "devicename")
_MOST_HEAD_CHARS: Final = 64 * 1024


def delimiter_of(header: str) -> str:
    """By the header: what stands in it most often."""
    return max(",;\t", key=header.count)


class Table:
    """A file of it.

    Args:
        path: where it is.
        names: whose the rows are; the column is ``Entity name`` or ``Device`` by default.
        zone: of times that name none.
    """

    def __init__(self, path: Path, names: DeviceNames, zone: tzinfo) -> None:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            header = stream.readline(_MOST_HEAD_CHARS)
        self._file, self._names, self._zone = CsvFile(path, delimiter_of(header)), names, zone

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
        rows = self._file.rows()
        header = [name.strip() for name in next(rows, [])]
        lower = [name.lower() for name in header]
        time = next((index for index, name in enumerate(lower) if name in TIMES), None)
        wanted = (self._names.column.lower(),) if self._names.column else _NAMES
        named = next((index for index, name in enumerate(lower) if name in wanted), None)
        if time is None or (named is None and not self._names.device):
            missing = "Timestamp" if time is None else "of devices' names: give --device KEY, or --device-column NAME"
            raise SourceError(f"line 1: there is no column {missing}")
        keys = [(index, name) for index, name in enumerate(header) if index not in (time, named) and name]
        for row in rows:
            if not any(row):
                continue
            cells = row + [""] * (len(header) - len(row))
            device = self._names.device or self._names.key(cells[named or 0])
            ts = self._ts(cells[time])
            for index, name in keys:
                if cells[index] != "":
                    yield LongRow(device, self._file.line, ts, name, plain(cells[index]))

    def _ts(self, text: str) -> Any:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return text
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).isoformat()
