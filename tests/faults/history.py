"""The history in the database, read past the product: the rows that came since the last time."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.faults.load import Kind
from tests.faults.verdict import Key

_ROWS = (
    "SELECT r.id, d.key, r.rev, 'telemetry', '', r.metrics FROM devices_reading r"
    " JOIN devices_device d ON d.id = r.device_id WHERE r.id > {readings}"
    " UNION ALL SELECT e.id, d.key, e.rev, 'event', e.name, e.data FROM devices_event e"
    " JOIN devices_device d ON d.id = e.device_id WHERE e.id > {events} ORDER BY 2, 3"
)
_COUNT = "SELECT (SELECT count(*) FROM devices_reading) + (SELECT count(*) FROM devices_event)"


@dataclass(frozen=True)
class Row:
    """A reading or an event."""

    id: int
    device: str
    rev: int
    kind: Kind
    name: str
    content: dict[str, Any]
    """A reading's metrics, an event's data."""

    @property
    def key(self) -> Key:
        """Which message it comes from; one that isn't the load's has -1."""
        return self.kind, self.content.get("n", -1), self.content.get("c", -1)


@contextlib.contextmanager
def connected(url: str, *, writes: bool = False) -> Iterator[Any]:
    """A connection to a database, anew each time: the server may have been killed since."""
    if url.startswith("sqlite"):
        mode = "rw" if writes else "ro"
        file = f"file:{url.removeprefix('sqlite:///')}?mode={mode}"
        connection: Any = sqlite3.connect(file, uri=True, timeout=10, isolation_level=None)
    else:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    with contextlib.closing(connection):
        yield connection


class History:
    """The readings and events of a database; `settle` moves on.

    Only at rest does a row that wasn't there never turn up behind one that was; `count` finds those that do.
    """

    def __init__(self, url: str) -> None:
        """``sqlite:///FILE`` or ``postgresql://…``; not through a proxy."""
        self.url = url
        self._after = {"telemetry": 0, "event": 0}
        self.settled = 0

    def new_rows(self) -> list[Row]:
        """What came since `settle`, by device and rev."""
        after = self._after
        rows = self._select(_ROWS.format(readings=after["telemetry"], events=after["event"]))
        return [
            Row(identity, device, rev, kind, name, json.loads(content))
            for identity, device, rev, kind, name, content in rows
        ]

    def settle(self, rows: Sequence[Row]) -> None:
        """These were looked at."""
        for row in rows:
            self._after[row.kind] = max(self._after[row.kind], row.id)
        self.settled += len(rows)

    def count(self) -> int:
        """All rows there are. At rest, after `settle`, as many as were settled."""
        return int(self._select(_COUNT)[0][0])

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        with connected(self.url) as connection:
            return list(connection.execute(statement).fetchall())
