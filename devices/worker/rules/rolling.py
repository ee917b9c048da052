"""When a device is rolled up next, and how far. No I/O, no clock.

A device with many new readings goes on minute by minute; one with few has a turn an hour, at a time of its own, up to
the last full hour: then nearly all that is rolled up is in hand. Who is silent is done when its last day is over.
"""

from typing import Final

from msgspec import Struct

from devices.history.rules.rollups import DAY_MS, HOUR_MS, LEAST_READINGS, LEVELS_MS, MIN_MS

MANY: Final = 256  # new revs, at which a device's turn comes at once
LATE_MS: Final = MIN_MS  # what comes later than that after its time makes a bucket to be done again …
SILENT_MS: Final = HOUR_MS  # … unless nothing else came for so long
_AGAIN_MS: Final = 10 * MIN_MS  # to the next attempt, after one that came to nothing
_PRIME: Final = 7_919


class Progress(Struct, gc=False):
    """How far a device is (devices.models.RollupState), and when its turn comes."""

    rev: int = 0
    until: int = 0  # Unix ms, as the others
    since: int = 0
    newest_rev: int = 0  # of the device
    many_ms: int = 0  # not before that, with many new readings
    few_ms: int = 0  # not before that, with few; 0: not known yet
    span: int = 0  # revs to read, if the usual number came to nothing; 0: the usual number

    @property
    def waits(self) -> bool:
        """Whether it has news, or a day that is not over."""
        return self.newest_rev > self.rev or self.until % DAY_MS != 0


def is_due(device: int, progress: Progress, now_ms: int) -> bool:
    """Whether its turn has come.

    Args:
        device: primary key; spreads the turns over the hour.
        progress: gets the time of its next turn, if that is not known.
        now_ms: Unix ms.
    """
    news = progress.newest_rev - progress.rev
    if not progress.few_ms:
        progress.few_ms = _turn(device, now_ms)
    if not news:
        return progress.until % DAY_MS != 0 and now_ms - LATE_MS - SILENT_MS >= _day_after(progress.until)
    if news >= MANY and now_ms >= progress.many_ms:
        return (now_ms - LATE_MS) // MIN_MS * MIN_MS > progress.until
    return now_ms >= progress.few_ms


def _turn(device: int, now_ms: int) -> int:
    """The next one of an hour's."""
    offset = device * _PRIME * 1000 % HOUR_MS
    return now_ms - (now_ms - offset) % HOUR_MS + HOUR_MS


def _day_after(time_ms: int) -> int:
    return -(-time_ms // DAY_MS) * DAY_MS


class Plan(Struct, frozen=True):
    """How far a device is rolled up by this turn."""

    rev: int
    until: int
    level: int  # of the smallest buckets that are made of readings in hand


def plan(progress: Progress, times: list[tuple[int, int]], upto: int, now_ms: int) -> Plan:
    """How far it goes.

    Args:
        progress: so far.
        times: (ts, rev) of the readings behind that, by rev.
        upto: all revs up to that are among them.
        now_ms: Unix ms.
    """
    news, is_cut = progress.newest_rev - progress.rev, upto < progress.newest_rev
    newest = max((ts for ts, _ in times), default=0)
    if not news:
        return Plan(progress.rev, max(progress.until, _day_after(progress.until)), 1)
    many = is_cut or news >= MANY
    width = MIN_MS if many else HOUR_MS
    known = newest if is_cut else max(newest, now_ms - SILENT_MS)
    until = min(now_ms - LATE_MS, known) // width * width
    if not times and not progress.until:
        until = 0
    if is_cut and progress.span > 8 * MANY and until <= progress.until:  # all of one minute: what is left comes late
        until = min(now_ms, newest + MIN_MS) // MIN_MS * MIN_MS
    until = max(until, progress.until)
    rev = next((rev - 1 for ts, rev in times if ts >= until), upto)
    return Plan(rev, until, 0 if many and _is_dense([ts for ts, _ in times]) else 1)


def _is_dense(times: list[int]) -> bool:
    """Whether rows of minutes are to be expected."""
    return len(times) * MIN_MS >= LEAST_READINGS[0] * (max(times, default=0) - min(times, default=0))


def go_on(progress: Progress, done: Plan, usual: int, device: int, now_ms: int) -> None:
    """It is done: when the next turn is."""
    span = max(usual, progress.span)
    is_cut = progress.newest_rev - progress.rev > span
    came_to_nothing = (done.rev, done.until) == (progress.rev, progress.until)
    progress.rev, progress.until = done.rev, done.until
    progress.few_ms = _turn(device, now_ms)
    progress.span = 0
    if is_cut:
        progress.many_ms = 0
        if came_to_nothing:
            progress.span = 4 * span
    else:
        progress.many_ms = now_ms + (_AGAIN_MS if came_to_nothing else MIN_MS)


def buckets(times: list[int], level: int, former: int, until: int) -> list[int]:
    """Begins of the level's buckets that are over by ``until``, and that new readings or the turn itself concern.

    Args:
        times: of the new readings.
        level: index of LEVELS_MS.
        former: the ``until`` before this turn.
        until: Unix ms.
    """
    width = LEVELS_MS[level]
    begins = {ts // width * width for ts in times}
    if former % width:
        begins.add(former // width * width)
    return sorted(begin for begin in begins if begin + width <= until)
