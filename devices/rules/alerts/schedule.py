"""When a rule may raise: days and times of a time zone. What holds when such a time begins, raises then."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from msgspec import Struct

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK: Final = 8  # days to look ahead: the same weekday again, in case its time is over today


class Schedule(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Each of the days, from one time to another; if that is no later, to the next day's."""

    time_zone: str = "UTC"  # as the IANA database names it
    days: tuple[Day, ...] = DAYS
    from_: str = "00:00"
    until: str = "24:00"


def schedule_fault(schedule: Schedule) -> str:
    """What is wrong with it, its time zone apart; empty: nothing."""
    if not schedule.days:
        return "days: at least one"
    for name, text in (("from", schedule.from_), ("until", schedule.until)):
        if minutes_of(text) is None:
            return f"{name}: a time like 08:00"
    return ""


def minutes_of(text: str) -> int | None:
    """``HH:MM`` in minutes, 24:00 included; None: it is no time."""
    hours, colon, minutes = text.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        return None
    found = 60 * int(hours) + int(minutes)
    return found if found <= 1_440 and int(minutes) < 60 else None


class Calendar(Struct, frozen=True):
    """A schedule in its zone."""

    schedule: Schedule
    zone: tzinfo

    def first_on(self, at_ms: int) -> int:
        """The first time from ``at_ms`` on that is within the schedule (Unix ms)."""
        today = datetime.fromtimestamp(at_ms / 1000, self.zone).date()
        begins, ends = minutes_of(self.schedule.from_) or 0, minutes_of(self.schedule.until) or 0
        for offset in range(-1, _WEEK + 1):
            day = today + timedelta(days=offset)
            if DAYS[day.weekday()] in self.schedule.days:
                begin_ms = self._ms(day, begins)
                if at_ms < self._ms(day, ends if ends > begins else ends + 1_440):
                    return max(at_ms, begin_ms)
        return at_ms  # no zone leaves out a whole week

    def _ms(self, day: date, minutes: int) -> int:
        """So many minutes after a day began, by the clock on the wall."""
        days, minutes = divmod(minutes, 1_440)
        moment = datetime.combine(day + timedelta(days=days), time(*divmod(minutes, 60)), self.zone)
        return int(moment.astimezone(UTC).timestamp() * 1000)
