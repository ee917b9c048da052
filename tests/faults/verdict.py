"""What must hold for one device: of what was sent, what was applied? Pure; the numbers of a round are sums of these.

*Applied* is a device's history in rev order. It must be a subsequence of the *attempts* (see load.py), in their order,
each at most once, with every one that the broker confirmed. Where it isn't, what the broker has *given* us tells
whether that is our doing or the broker's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.load import HISTORY, Attempt, Kind

Key = tuple[Kind, int, int]
"""(kind, n, c) of a message."""


@dataclass
class Findings:
    """What was wrong, counted, with a line for each of the first ones."""

    lost: int = 0
    repeated: int = 0
    out_of_order: int = 0
    forgotten: int = 0
    """Confirmed by the broker, and gone before we confirmed it in our turn: the broker's loss, or a thief's."""
    forgotten_ms: int = 0
    """When the first of these was sent, Unix ms; 0: there are none."""
    redelivered: int = 0
    """Delivered anew by the broker after it was confirmed to it: the broker's repeat."""
    shuffled: int = 0
    """Delivered by the broker before one that was sent earlier: what it then owes us in order is what it delivered."""
    other: int = 0
    """Whatever else broke a promise: the browser's record, the ledger, a process that ended by itself."""
    notes: list[str] = field(default_factory=list)
    """A line for each of these."""
    lines: list[str] = field(default_factory=list)
    """A line for each message that was lost, repeated or out of order."""

    @property
    def violations(self) -> int:
        """What is ours."""
        return self.lost + self.repeated + self.out_of_order + self.other

    def add(self, more: "Findings") -> None:
        """Sum up."""
        for name in ("lost", "repeated", "out_of_order", "forgotten", "redelivered", "shuffled", "other"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        first = [ms for ms in (self.forgotten_ms, more.forgotten_ms) if ms]
        self.forgotten_ms = min(first, default=0)
        self.notes += more.notes
        self.lines += more.lines

    def note(self, line: str) -> None:
        """Something else that is wrong."""
        self.other += 1
        self.notes.append(line)


@dataclass
class Given:
    """What the broker gave us of one device, and what we confirmed to it."""

    order: dict[Key, int] = field(default_factory=dict)
    """Of everything that was delivered: the position of the first time."""
    confirmed: set[Key] = field(default_factory=set)
    """What we have sent a PUBACK for: from then on it is ours to keep."""
    again: Counter[Key] = field(default_factory=Counter)
    """How often the broker delivered it as new, or after our PUBACK, although it had delivered it before."""

    def take(self, key: Key, *, dup: bool) -> None:
        """The next delivery."""
        if key in self.confirmed or (key in self.order and not dup):
            self.again[key] += 1
        self.order.setdefault(key, len(self.order))

    def excuse(self, key: Key, repeats: int) -> int:
        """How many of these repeats are the broker's."""
        return min(repeats, self.again[key])

    def confirm(self, key: Key) -> None:
        """Our PUBACK for it."""
        self.confirmed.add(key)


def judge(
    device: str,
    sent: Sequence[Attempt],
    applied: Sequence[Key],
    given: Given | None = None,
    *,
    is_forgetful: bool = True,
) -> Findings:
    """Compare what was applied of one device with what was sent.

    Args:
        device: its key, for the messages.
        sent: all attempts since the last comparison, in order.
        applied: the history since then in rev order.
        given: what the broker delivered; the order that counts is the broker's.
        is_forgetful: it may have forgotten or repeated something itself.
    """
    found = Findings()
    position = {attempt.key: index for index, attempt in enumerate(sent) if attempt.kind in HISTORY}
    if given:
        found.shuffled = _shuffled(list(position), given)
        position = {key: given.order.get(key, index - len(position)) for key, index in position.items()}
    given = given if is_forgetful else None
    times = Counter(applied)
    _find_order(device, applied, position, found)
    for key, count in times.items():
        _find_repeat(device, key, count, key in position, given, found)
    for attempt in sent:
        if attempt.kind in HISTORY and attempt.confirmed and attempt.key not in times:
            _find_loss(attempt, times, given, found)
    return found


def _shuffled(keys: Sequence[Key], given: Given) -> int:
    highest, count = -1, 0
    for at in (given.order[key] for key in keys if key in given.order):
        count += at < highest
        highest = max(highest, at)
    return count


def _find_order(device: str, applied: Sequence[Key], position: dict[Key, int], found: Findings) -> None:
    seen: set[Key] = set()
    highest, highest_key = -1, None
    for key in applied:
        at = position.get(key)
        if at is None or key in seen:
            continue
        seen.add(key)
        if at < highest:
            found.out_of_order += 1
            found.lines.append(f"{device}: out of order: {name(key)} came after {name(highest_key)}")
        else:
            highest, highest_key = at, key


def _find_repeat(device: str, key: Key, count: int, expected: bool, given: Given | None, found: Findings) -> None:
    allowed = 1 if expected else 0  # not expected: it was applied in an earlier round already
    extra = count - allowed
    if extra <= 0:
        return
    theirs = given.excuse(key, extra) if given else 0
    found.redelivered += theirs
    if ours := extra - theirs:
        found.repeated += ours
        found.lines.append(f"{device}: {name(key)} was applied {ours} time(s) too often")


def _find_loss(attempt: Attempt, times: Counter[Key], given: Given | None, found: Findings) -> None:
    key = attempt.key
    if given and key not in given.confirmed:
        found.forgotten += 1
        found.forgotten_ms = min(found.forgotten_ms or attempt.at_ms, attempt.at_ms)
        return
    found.lost += 1
    after = next((name(other) for other in times if other[1] > key[1]), "nothing later")
    found.lines.append(f"{attempt.device}: lost: expected {name(key)}, got {after}")


def name(key: Key | None) -> str:
    """For people."""
    return f"{key[0]} n={key[1]} (connection {key[2]})" if key else "nothing"
