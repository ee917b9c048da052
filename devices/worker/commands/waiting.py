"""Commands in other dialects that wait for what their devices report: an answer in its words, an echo, an error.

Kept in memory, and made anew of what is stored at a takeover; what an echo has shown of one by then counts no more.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from msgspec import Struct

from bridge.observations import CommandAck, CommandFailed, Decoded, Echo, Scalar, Telemetry
from bridge.shards import source_of
from devices.rules import documents
from devices.rules.reducer import Arrival
from devices.worker.effects.operations import Acknowledged
from devices.worker.rules.ways import Way

_CLOCKS_MS: Final = 50  # so much may the clocks of two processes differ, which both go by the database's


class _Wait(Struct):
    """One that waits."""

    way: Way
    left: dict[str, Scalar]  # of what it expects, what was not reported yet
    published_ms: int  # Unix ms; 0: not yet


class Waiting:
    """Those of the shards that we own. ``by_device`` is empty as long as nobody commands devices of other dialects."""

    def __init__(self) -> None:
        self.by_device: dict[str, dict[UUID, _Wait]] = {}
        self._answers: dict[tuple[str, str], tuple[str, UUID]] = {}  # by source and what an answer calls it

    def open(self, command_id: UUID, device: str, way: Way) -> None:
        """It waits from now on, or since it was published."""
        wait = _Wait(way, dict(way.expect), way.published_ms)
        self.by_device.setdefault(device, {})[command_id] = wait
        if way.answer_to:
            self._answers[source_of(device), way.answer_to] = device, command_id

    def published(self, command_id: UUID, device: str, at_ms: int) -> None:
        """It goes to the gateway now: what is reported from now on counts."""
        wait = self.by_device.get(device, {}).get(command_id)
        if wait is not None and not wait.published_ms:
            wait.published_ms = at_ms

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
        published = {pk: one for pk, one in waits.items() if 0 < one.published_ms <= at_ms + _CLOCKS_MS}
        if isinstance(said, CommandFailed):
            if len(published) == 1:
                yield Acknowledged(CommandAck(str(next(iter(published))), "failed", reason=said.reason), at_ms)
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
    if any(name in metrics for name in wait.way.answered_by):
        return True
    if not wait.way.expect:
        return False
    wait.left = {
        name: value
        for name, value in wait.left.items()
        if name not in metrics or not documents.same(metrics[name], value)
    }
    return not wait.left
