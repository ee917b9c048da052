"""The stream rule for one follower of many devices: no gap, no repeat, no reordering. All its transitions live here.

    a part …                          is
    from where the device stands      passed on
    ending at or before that          dropped (a repeat)
    beginning later                   a gap: set aside, and the database is asked what came between
    of a device that is being asked   set aside until the answer is there
    of a device that is held back     set aside until it is released
    that says the device is deleted   a question: it names no rev, so it may be a late repeat from before a new life

The answer is passed on, then what was set aside is judged again. What was set aside is bounded: beyond, it is thrown
away and the database asked once more. Pure: who follows gives the questions (:meth:`Following.wants`) to a database
and brings the answers (:meth:`Following.settle`).
"""

from collections.abc import Callable
from itertools import islice
from typing import Literal

from bridge.messages import Gone
from devices.web.live.stream.changes import Answer, Fresh, Missing, Part, Reason, Replayed, Want, part_bytes

Judgement = Literal["next", "past", "gap"]


def judge(rev: int | None, part: Part) -> Judgement:
    """What a part is to a follower who stands at ``rev`` (None: does not have the device)."""
    if isinstance(part, Gone):
        return "past" if rev is None else "gap"
    if isinstance(part, Fresh):
        return "next" if rev is None else "past" if part.rev <= rev else "gap"
    if rev is None:
        return "gap"
    return "past" if part.rev <= rev else "next" if part.prev == rev else "gap"


class _Aside:
    """What waits for the answer about one device."""

    __slots__ = ("again", "asked", "held", "parts", "reason", "size")

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.parts: list[Part] = []
        self.size = 0
        self.again = False  # ask once more after the answer: something could not be set aside
        self.asked = True  # the database; False: only held back
        self.held = False  # not to be asked now


class Following:
    """Judges parts for one follower.

    Args:
        rev_of: where the follower stands with a device; None: does not have it.
        accept: takes a part that is next; ``rev_of`` must then say so.
        limit_bytes: of all parts set aside.
    """

    def __init__(self, rev_of: Callable[[str], int | None], accept: Callable[[Part], None], limit_bytes: int) -> None:
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

    def take(self, part: Part) -> None:
        """Pass a part on, drop it, or set it aside."""
        aside = self._waiting.get(part.device)
        if aside is not None:
            self._set_aside(aside, part)
            return
        judgement = judge(self._rev_of(part.device), part)
        if judgement == "next":
            self._accept(part)
        elif judgement == "gap":
            aside = self.ask(part.device)
            if not isinstance(part, Gone):
                self._set_aside(aside, part)

    def ask(self, device: str, reason: Reason = "new") -> "_Aside":
        """Ask the database about a device. Safe to repeat while it waits."""
        aside = self._waiting.setdefault(device, _Aside(reason))
        aside.asked = True
        return aside

    def hold(self, device: str) -> None:
        """Set the device's parts aside until :meth:`release`."""
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
            for part in aside.parts:
                self.take(part)

    def wants(self, limit: int) -> list[Want]:
        """The oldest questions; they stay until :meth:`settle`."""
        open_ones = (item for item in self._waiting.items() if not item[1].held)
        return [Want(device, self._rev_of(device), aside.reason) for device, aside in islice(open_ones, limit)]

    @property
    def wanting(self) -> bool:
        """Whether there is a question."""
        return bool(self._waiting) and any(not aside.held for aside in self._waiting.values())  # mostly nothing waits

    def settle(self, answer: Answer) -> None:
        """Take the database's answer to a question of :meth:`wants`, asked since the device began to wait."""
        aside = self._waiting.get(answer.device)
        if aside is None or aside.held:  # held back since: it is asked once more after that
            return
        del self._waiting[answer.device]
        self._aside_bytes -= aside.size
        again, parts = aside.again, aside.parts
        match answer:
            case Missing(device):
                if self._rev_of(device) is not None:
                    self._accept(Gone(device))
                # What was set aside is from before the deletion, or of a new life: that is for another question.
                again, parts = again or bool(parts), []
            case Fresh():
                self._accept(answer)
            case Replayed():
                for replayed in answer.parts:
                    self._accept(replayed)
                again = again or not answer.complete
        if again:
            self.ask(answer.device)
        for part in parts:
            self.take(part)

    def _set_aside(self, aside: _Aside, part: Part) -> None:
        if isinstance(part, Gone):
            aside.again = True
            return
        size = part_bytes(part)
        if self._aside_bytes + size > self._limit_bytes:
            self._aside_bytes -= aside.size
            aside.parts, aside.size, aside.again = [], 0, True
            return
        aside.parts.append(part)
        aside.size += size
        self._aside_bytes += size
