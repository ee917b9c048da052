"""Holds the stream rule for a follower of many devices: no gap, no repeat, no reordering. All transitions live here.

    a change …                          is
    from where the device stands      passed on
    ending at or before that          dropped (a repeat)
    beginning later                   a gap: set aside, and the database is asked what came between
    of a device that is being asked   set aside until the answer is there
    of a device that is held back     set aside until it is released
    that says the device is deleted   a question: it names no rev, so it may be a late repeat from before a new life

The answer is passed on, then what was set aside is judged again. What was set aside is bounded: beyond, it is thrown
away and the database asked once more. Pure: who follows gives the questions (:meth:`Sequencer.queries`) to a database
and brings the answers (:meth:`Sequencer.settle`).
"""

from collections.abc import Callable
from itertools import islice
from typing import Literal

from bridge.messages import Gone
from devices.web.live.stream.changes import (
    Answer,
    NotFound,
    Query,
    Reason,
    Replayed,
    Snapshot,
    StreamChange,
)
from devices.web.live.stream.rendering import change_bytes

Judgement = Literal["next", "past", "gap"]


def judge(rev: int | None, change: StreamChange) -> Judgement:
    """Say what a change is to a follower who stands at ``rev`` (None: does not have the device)."""
    if isinstance(change, Gone):
        return "past" if rev is None else "gap"
    if isinstance(change, Snapshot):
        return "next" if rev is None else "past" if change.rev <= rev else "gap"
    if rev is None:
        return "gap"
    return "past" if change.rev <= rev else "next" if change.prev == rev else "gap"


class _Aside:
    """What waits for the answer about one device."""

    __slots__ = ("again", "asked", "changes", "held", "reason", "size")

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.changes: list[StreamChange] = []
        self.size = 0
        self.again = False  # ask once more after the answer: something could not be set aside
        self.asked = True  # the database; False: only held back
        self.held = False  # not to be asked now


class Sequencer:
    """Judges changes for one follower: what is next, past, or after a gap.

    Args:
        rev_of: where the follower stands with a device; None: does not have it.
        accept: takes a change that is next; ``rev_of`` must then say so.
        limit_bytes: of all changes set aside.
    """

    def __init__(
        self, rev_of: Callable[[str], int | None], accept: Callable[[StreamChange], None], limit_bytes: int
    ) -> None:
        self._rev_of = rev_of
        self._accept = accept
        self._limit_bytes = limit_bytes
        self._waiting: dict[str, _Aside] = {}
        self._aside_bytes = 0

    def __contains__(self, device: str) -> bool:
        """Whether the device waits for an answer."""
        return device in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def aside_bytes(self) -> int:
        """The size of what is set aside."""
        return self._aside_bytes

    def take(self, change: StreamChange) -> None:
        """Pass a change on, drop it, or set it aside."""
        aside = self._waiting.get(change.device)
        if aside is not None:
            self._set_aside(aside, change)
            return
        judgement = judge(self._rev_of(change.device), change)
        if judgement == "next":
            self._accept(change)
        elif judgement == "gap":
            aside = self.ask(change.device)
            if not isinstance(change, Gone):
                self._set_aside(aside, change)

    def ask(self, device: str, reason: Reason = "new") -> "_Aside":
        """Ask the database about a device. Safe to repeat while it waits."""
        aside = self._waiting.setdefault(device, _Aside(reason))
        aside.asked = True
        return aside

    def hold(self, device: str) -> None:
        """Set the device's changes aside until :meth:`release`."""
        aside = self._waiting.get(device)
        if aside is None:
            aside = self._waiting[device] = _Aside("new")
            aside.asked = False
        aside.held = True

    def release(self, device: str) -> None:
        """Go on with a device held back. Safe to repeat."""
        aside = self._waiting.get(device)
        if aside is None or not aside.held:
            return
        aside.held = False
        if not aside.asked and not aside.again:
            del self._waiting[device]
            self._aside_bytes -= aside.size
            for change in aside.changes:
                self.take(change)

    def queries(self, limit: int) -> list[Query]:
        """The oldest questions; they stay until :meth:`settle`."""
        open_ones = (item for item in self._waiting.items() if not item[1].held)
        return [Query(device, self._rev_of(device), aside.reason) for device, aside in islice(open_ones, limit)]

    @property
    def has_queries(self) -> bool:
        """Whether there is a question."""
        return bool(self._waiting) and any(not aside.held for aside in self._waiting.values())  # mostly nothing waits

    def settle(self, answer: Answer) -> None:
        """Take the database's answer to a question of :meth:`queries`, asked since the device began to wait."""
        aside = self._waiting.get(answer.device)
        if aside is None or aside.held:  # held back since: it is asked once more after that
            return
        del self._waiting[answer.device]
        self._aside_bytes -= aside.size
        again, changes = aside.again, aside.changes
        match answer:
            case NotFound(device):
                if self._rev_of(device) is not None:
                    self._accept(Gone(device))
                # What was set aside is from before the deletion, or of a new life: that is for another question.
                again, changes = again or bool(changes), []
            case Snapshot():
                self._accept(answer)
            case Replayed():
                for replayed in answer.changes:
                    self._accept(replayed)
                again = again or not answer.complete
        if again:
            self.ask(answer.device)
        for change in changes:
            self.take(change)

    def _set_aside(self, aside: _Aside, change: StreamChange) -> None:
        if isinstance(change, Gone):
            aside.again = True
            return
        size = change_bytes(change)
        if self._aside_bytes + size > self._limit_bytes:
            self._aside_bytes -= aside.size
            aside.changes, aside.size, aside.again = [], 0, True
            return
        aside.changes.append(change)
        aside.size += size
        self._aside_bytes += size
