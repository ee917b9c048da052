"""What handlers of tests.apps.witness have done, read past the product, and whether it is what it has to be."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from tests.apps.witness.wanted import is_called, is_commanded
from tests.faults.flaky_server import FlakyServer
from tests.faults.history import Row, connected

_SEEN = "SELECT id, device, rev, late_ms FROM witness_seen WHERE id > {after} ORDER BY id"
_COMMANDS = (
    "SELECT d.key, c.args, c.idempotency_key FROM devices_command c JOIN devices_device d ON d.id = c.device_id"
    " WHERE c.created_by = 'app:witness.send'"
)
_BEGUN = "SELECT count(*) FROM devices_handlercursor WHERE begin = ''"
_HANDLERS, _SHARDS = 3, 4
_KEY = "reading:{device}@{rev}"


class Handled:
    """Since the last :meth:`settle`.

    Args:
        url: of the database.
        flaky: the server that is called.
    """

    def __init__(self, url: str, flaky: FlakyServer) -> None:
        self._url, self.flaky = url, flaky
        self._after = 0  # id of what was seen
        self._commands: set[str] = set()  # keys of former ones
        self._repeats = 0
        self.troubled: set[str] = set()
        """Devices at which a handler was told to fail."""

    def has_begun(self) -> bool:
        """Whether each handler is at work in each shard."""
        return bool(self._select(_BEGUN)[0][0] == _HANDLERS * _SHARDS)

    def trouble(self, device: str, kind: str) -> None:
        """Have a handler do wrong at a device, ``raise`` or ``hang``."""
        self.troubled.add(device)
        with connected(self._url, writes=True) as connection:
            connection.execute(f"INSERT INTO witness_trouble (device, kind) VALUES ('{device}', '{kind}')")

    def end_trouble(self) -> None:
        """No more of that."""
        with connected(self._url, writes=True) as connection:
            connection.execute("DELETE FROM witness_trouble")

    # ------------------------------------------------------------------------------------------------ at rest

    def missing(self, rows: Sequence[Row]) -> list[str]:
        """What was not done yet for these."""
        readings = [row for row in rows if row.kind == "telemetry"]
        seen = Counter(device for _, device, _, _ in self._seen())
        lines = [
            f"{device}: {count - seen[device]} readings had no effect"
            for device, count in Counter(row.device for row in readings).items()
            if seen[device] < count
        ]
        sent = {key for _, _, key in self._sent()}
        lines += [
            f"{row.device}: no command for rev {row.rev}"
            for row in rows
            if row.kind == "event" and is_commanded(row.key[1]) and not any(key in sent for key in _command_keys(row))
        ]
        lines += [
            f"{row.device}: not called for rev {row.rev}"
            for row in readings
            if is_called(row.key[1]) and _KEY.format(device=row.device, rev=row.rev) not in self.flaky.taken
        ]
        return lines

    def differences(self, rows: Sequence[Row]) -> list[str]:
        """What was done twice, out of order, or for nothing."""
        owed: dict[str, list[int]] = defaultdict(list)
        done: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if row.kind == "telemetry":
                owed[row.device].append(row.rev)
        for _, device, rev, _ in self._seen():
            done[device].append(rev)
        lines = []
        for device in sorted(owed.keys() | done.keys()):
            if twice := [rev for rev, count in Counter(done[device]).items() if count > 1]:
                lines.append(f"{device}: revs {twice[:5]} took effect more than once")
            if done[device] != sorted(done[device]):
                lines.append(f"{device}: out of order: {_where(done[device])}")
            if more := set(done[device]) - set(owed[device]):
                lines.append(f"{device}: revs {sorted(more)[:5]} are none of the history")
        keys = Counter(key for _, _, key in self._select(_COMMANDS))
        return lines + [f"a command came {count} times for {key}" for key, count in keys.items() if count > 1]

    def summary(self) -> str:
        """How far behind the handlers were, without the devices that were to wait."""
        seen = self._seen()
        late = sorted(late_ms for _, device, _, late_ms in seen if device not in self.troubled)
        repeats = sum(self.flaky.taken.values()) - len(self.flaky.taken)
        parts = [f"{len(seen)} effects"]
        if late:
            parts.append(
                f"behind by p50 {statistics.median(late):.0f}, p99 {late[len(late) * 99 // 100]}, max {late[-1]} ms"
            )
        parts.append(f"{len(self._sent())} commands")
        parts.append(f"calls: {len(self.flaky.taken)} done, {self.flaky.refused} refused, {repeats} again, so far")
        return ", ".join(parts)

    def settle(self) -> None:
        """What was judged is done with."""
        self._commands |= {key for _, _, key in self._sent()}
        self._after = max((identity for identity, *_ in self._seen()), default=self._after)
        self.troubled.clear()

    def _seen(self) -> list[tuple[int, str, int, int]]:
        return self._select(_SEEN.format(after=self._after))

    def _sent(self) -> list[tuple[str, str, str]]:
        return [row for row in self._select(_COMMANDS) if row[2] not in self._commands]

    def _select(self, statement: str) -> list[Any]:
        with connected(self._url) as connection:
            return list(connection.execute(statement).fetchall())


def _command_keys(row: Row) -> Iterator[str]:
    yield f"witness.send:event:{row.device}@{row.rev}"


def _where(revs: Sequence[int]) -> str:
    at = next(number for number in range(1, len(revs)) if revs[number] < revs[number - 1])
    return f"{revs[at]} came after {revs[at - 1]}"
