"""When a rule may raise, over midnight and when clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.rules.alerts.schedule import Calendar, Schedule, schedule_fault

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC).timestamp() * 1000)


WORK = Schedule("Europe/Berlin", ("mon", "tue", "wed", "thu", "fri"), "08:00", "18:00")
NIGHT = Schedule("Europe/Berlin", ("fri",), "22:00", "06:00")
ALWAYS = Schedule("Europe/Berlin")


@pytest.mark.parametrize(
    ("schedule", "at", "first"),
    [
        (WORK, "2026-12-01T10:00", "2026-12-01T10:00"),  # a Tuesday
        (WORK, "2026-12-01T07:59", "2026-12-01T08:00"),
        (WORK, "2026-12-01T18:00", "2026-12-02T08:00"),
        (WORK, "2026-12-04T18:00", "2026-12-07T08:00"),
        (NIGHT, "2026-12-05T05:59", "2026-12-05T05:59"),
        (NIGHT, "2026-12-05T06:00", "2026-12-11T22:00"),
        (NIGHT, "2026-12-04T21:00", "2026-12-04T22:00"),
        (WORK, "2026-03-29T12:00", "2026-03-30T08:00"),  # clocks went forward that night
        (WORK, "2026-10-25T12:00", "2026-10-26T08:00"),  # and back
        (ALWAYS, "2026-10-25T02:30", "2026-10-25T02:30"),
        (ALWAYS, "2026-12-01T23:59", "2026-12-01T23:59"),
    ],
)
def test_the_first_time_that_is_within(schedule: Schedule, at: str, first: str) -> None:
    assert Calendar(schedule, BERLIN).first_on(ms(at)) == ms(first)


def test_what_is_wrong_with_one() -> None:
    assert schedule_fault(WORK) == ""
    assert schedule_fault(Schedule(days=())).startswith("days")
    for text in ("8:00", "08:60", "24:01", "aa:bb", "08-00", "٠٨:٠٠", ""):
        assert schedule_fault(Schedule(from_=text)).startswith("from")
        assert schedule_fault(Schedule(until=text)).startswith("until")
