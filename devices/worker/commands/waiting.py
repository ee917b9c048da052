"""Commands in other dialects that wait for what their devices report: an answer in its words, an echo, an error.

Kept in memory, and made anew of what is stored at a takeover; what an echo has shown of one by then counts no more.
One that we have ended (it is ``unconfirmed``, say) waits on for a while: should its device report what was set, or
answer, after all, that is its true end. An error that names no command is none of theirs, nor is a value that doesn't
show what was asked for; a later command for the same values takes their place.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from msgspec import Struct

from bridge.observations import CommandAck, CommandFailed, Decoded, Echo, Scalar, Telemetry
from bridge.shards import source_of
from devices.rules import documents
from devices.rules.commands import ENDED_BY_US, UNFINISHED
from devices.rules.reducer import Arrival
from devices.worker.commands.known_commands import KnownCommand, published_lately
from devices.worker.effects.operations import Acknowledged
from devices.worker.rules.ways import Way

_CLOCKS_MS: Final = 50  # so much may the clocks of two processes differ, which both go by the database's
LATE_MS: Final = 3_600_000  # after its end by us, so long an echo or an answer is a command's
_MOST_LATE: Final = 5_000


class _Wait(Struct):
    """One that waits."""

    way: Way
    left: dict[str, Scalar]  # of what it expects, what was not reported yet
    published_ms: int  # Unix ms; 0: not yet
    late_ms: int = 0  # Unix ms; we have ended it, and it waits until then; 0: it is under way

    def counts(self, at_ms: int) -> bool:
        """Whether what is reported at that time, Unix ms, came after it was published, and not too late."""
        return 0 < self.published_ms <= at_ms + _CLOCKS_MS and (not self.late_ms or at_ms < self.late_ms)


class Waiting:
    """Those of the shards that we own. ``by_device`` is empty as long as nobody commands devices of other dialects."""

    def __init__(self) -> None:
        self.by_device: dict[str, dict[UUID, _Wait]] = {}
        self._answers: dict[tuple[str, str], tuple[str, UUID]] = {}  # by source and what an answer calls it
        self._late: deque[tuple[int, UUID, str]] = deque()  # until when (Unix ms), which, of which device; as they end

    def open(self, command_id: UUID, device: str, way: Way) -> None:
        """It waits from now on, or since it was published."""
        self._supersede(device, way)
        wait = _Wait(way, dict(way.expect), way.published_ms)
        self.by_device.setdefault(device, {})[command_id] = wait
        if way.answer_to:
            self._answers[source_of(device), way.answer_to] = device, command_id

    def published(self, command_id: UUID, device: str, at_ms: int) -> None:
        """It goes to the gateway now: what is reported from now on counts."""
        wait = self.by_device.get(device, {}).get(command_id)
        if wait is not None and not wait.published_ms:
            wait.published_ms = at_ms

    def _supersede(self, device: str, way: Way) -> None:
        """What is reported of these values from now on is no late answer any more."""
        for command_id, wait in list(self.by_device.get(device, {}).items()):
            if wait.late_ms and not wait.way.expect.keys().isdisjoint((*way.expect, *way.answered_by)):
                self.close(command_id, device)

    def follow(self, command: KnownCommand) -> None:
        """It is stored as this: over by its device's word, or ended by us, or under way still."""
        if command.status in ENDED_BY_US:
            self._ended(command.id, command.device, command.way, command.timeline[-1]["at_ms"])
        elif command.status not in UNFINISHED:
            self.close(command.id, command.device)

    def recall(self, number: int, of: int, now_ms: int) -> None:
        """At a takeover of a shard: what was published, and has ended lately without an answer.

        Args:
            number: of the shard.
            of: so many shards there are.
            now_ms: Unix ms.

        Raises:
            django.db.Error: the database failed.
        """
        for command in published_lately(number, of, now_ms - LATE_MS):
            if command.way is not None:
                self.open(command.id, command.device, command.way)
                self.follow(command)

    def _ended(self, command_id: UUID, device: str, way: Way | None, end_ms: int) -> None:
        """We have ended it, at that time (Unix ms): if it may have been published, it may still be answered, late."""
        for _ in range(len(self._late)):
            until_ms, oldest, whose = self._late[0]
            if until_ms > end_ms and len(self._late) < _MOST_LATE:
                break
            self._late.popleft()
            self.close(oldest, whose)
        wait = self.by_device.get(device, {}).get(command_id)
        if wait is None or way is None or not way.published_ms or not (way.expect or way.answer_to):
            self.close(command_id, device)
        elif not wait.late_ms:
            wait.late_ms = end_ms + LATE_MS
            self._late.append((wait.late_ms, command_id, device))

    def close(self, command_id: UUID, device: str) -> None:
        """It waits no more."""
        waits = self.by_device.get(device, {})
        wait = waits.pop(command_id, None)
        if wait is not None and not waits:
            del self.by_device[device]
        if wait is not None and wait.way.answer_to:
            self._answers.pop((source_of(device), wait.way.answer_to), None)

    def forget(self, device: str) -> None:
        """The device is deleted."""
        for command_id in list(self.by_device.get(device, ())):
            self.close(command_id, device)

    def clear(self) -> None:
        """Nobody knows what is stored."""
        self.by_device.clear()
        self._answers.clear()
        self._late.clear()

    def named(self, device: str, answer_to: str) -> str | None:
        """The id of the command that an answer calls so; None: it is nobody's, or somebody else's."""
        found = self._answers.get((source_of(device), answer_to))
        if found:
            return str(found[1])
        waits = self.by_device.get(device, {})
        return next((str(one) for one in waits if str(one) == answer_to), None)

    def shown(self, device: str, said: Decoded, arrival: Arrival) -> Iterator[Acknowledged]:
        """The ends, or steps, that what a device says live shows of its commands."""
        waits = self.by_device.get(device)
        if not waits or arrival.retain or arrival.late or arrival.replayed:
            return
        at_ms = arrival.received_ms
        published = {pk: one for pk, one in waits.items() if one.counts(at_ms)}
        if isinstance(said, CommandFailed):
            pending = [pk for pk, one in published.items() if not one.late_ms]
            if len(pending) == 1:
                yield Acknowledged(CommandAck(str(pending[0]), "failed", reason=said.reason), at_ms)
            return
        status = said.status if isinstance(said, Echo) else "done"
        for metrics in _reported(said):
            for command_id, wait in published.items():
                if wait.way.ack == "echo" and _proves(metrics, wait):
                    yield Acknowledged(CommandAck(str(command_id), status), at_ms, by="echo")


def _reported(said: Decoded) -> Iterator[Mapping[str, Scalar]]:
    if isinstance(said, Echo):
        yield said.metrics
    elif isinstance(said, Telemetry):
        for reading in said.readings:
            yield reading.metrics


def _proves(metrics: Mapping[str, Scalar], wait: _Wait) -> bool:
    """Whether all that the command expects has been reported by now."""
    if not wait.late_ms and any(name in metrics for name in wait.way.answered_by):
        return True
    if not wait.way.expect:
        return False
    wait.left = {
        name: value
        for name, value in wait.left.items()
        if name not in metrics or not documents.same(metrics[name], value)
    }
    return not wait.left
