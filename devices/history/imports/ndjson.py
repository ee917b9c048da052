"""NDJSON, as ``manage.py export`` writes it: an object for each reading, or event."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.json_limits import MalformedError
from devices.history.imports.long_rows import bad_record, event
from devices.history.imports.records import Record, SourceError
from devices.history.imports.storable import metrics_of, time_of
from devices.requests.imports import ImportedReading

_MOST_LINE_BYTES: Final = 16 * 1024 * 1024


class _Line(Struct):
    """Other members are ignored."""

    device: str
    ts: Any = None
    metrics: dict[str, Any] | UnsetType = UNSET
    name: str = ""
    data: Any = UNSET


class Ndjson:
    """An object a line.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size or 1
        self._stream = path.open("rb")

    def close(self) -> None:
        """As of Source."""
        self._stream.close()

    @property
    def done(self) -> float:
        """As of Source."""
        return min(1.0, self._stream.tell() / self._size)

    def records(self) -> Iterator[Record]:
        """As of Source."""
        decode = msgspec.json.Decoder(_Line).decode
        number = -1
        for index, text in enumerate(iter(lambda: self._stream.readline(_MOST_LINE_BYTES + 1), b""), 1):
            if len(text) > _MOST_LINE_BYTES:
                raise SourceError(f"line {index}: over {_MOST_LINE_BYTES} bytes")
            if not text.strip():
                continue
            try:
                line = decode(text.removeprefix(b"\xef\xbb\xbf") if index == 1 else text)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise SourceError(f"line {index}: {error}") from None
            number += 1
            yield _record(number, line, text)


def _record(number: int, line: _Line, text: bytes) -> Record:
    if line.data is not UNSET:
        return event(line.device, number, line.ts, line.name, line.data)
    try:
        if isinstance(line.metrics, UnsetType):
            raise MalformedError("not_an_object", "there are no metrics")  # noqa: TRY301  in one place
        ts = time_of(line.ts)
        metrics, notes = metrics_of(line.metrics)
    except MalformedError as error:
        return bad_record(line.device, number, "telemetry", error, text.strip())
    return Record(line.device, ImportedReading(number, ts, metrics), notes)
