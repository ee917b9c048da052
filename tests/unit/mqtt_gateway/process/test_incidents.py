"""Incidents in the database, and those that wait for it."""

import time

import pytest

from mqtt_gateway.models import Incident
from mqtt_gateway.process import incidents
from mqtt_gateway.rules.incident_reports import Report, Reports
from mqtt_gateway.status import incidents as shown

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def rows() -> list[tuple[str, str, int, int, int, str]]:
    names = ("kind", "gateway", "since_ms", "until_ms", "count", "detail")
    return list(Incident.objects.order_by("pk").values_list(*names))


@pytest.mark.django_db
def test_one_that_goes_on_is_extended() -> None:
    incidents.record("g", Report("qos0_dropped", 1_000, 1_000, 5, "first"))
    incidents.record("g", Report("qos0_dropped", 2_000, 3_000, 7))
    incidents.record("g", Report("qos0_dropped", 3_000 + HOUR_MS, 3_000 + HOUR_MS, 1))
    assert rows() == [("qos0_dropped", "g", 1_000, 3_000 + HOUR_MS, 13, "first")]


@pytest.mark.django_db
def test_other_kinds_gateways_and_hours_are_told_apart() -> None:
    incidents.record("g", Report("qos0_dropped", 1, 1))
    incidents.record("h", Report("qos0_dropped", 1, 1))
    incidents.record("g", Report("session_lost", 1, 1))
    incidents.record("g", Report("qos0_dropped", HOUR_MS, HOUR_MS + 2))
    assert len(rows()) == 4


@pytest.mark.django_db
def test_a_detail_that_is_too_long_is_cut() -> None:
    incidents.record("g", Report("filters_overlap", 1, 1, detail="x" * 1_000))
    incidents.record("g", Report("filters_overlap", 1, 1, detail="y" * 1_000))
    assert rows()[0][-1] == "y" * 300


@pytest.mark.django_db
def test_those_of_90_days_ago_are_purged() -> None:
    now_ms = int(time.time() * 1000)
    incidents.record("g", Report("session_lost", 1, now_ms - 91 * DAY_MS))
    incidents.record("g", Report("session_lost", 1, now_ms - 89 * DAY_MS))
    incidents.purge()
    assert [row[3] for row in rows()] == [now_ms - 89 * DAY_MS]


@pytest.mark.django_db
def test_the_newest_hundred_are_shown() -> None:
    for number in range(105):
        incidents.record(f"g{number}", Report("session_lost", 1, number))
    assert [one.until_ms for one in shown()] == list(range(104, 4, -1))


def test_reports_wait_one_a_kind() -> None:
    waiting = Reports()
    waiting.add(Report("qos0_dropped", 5, 6, 1))
    waiting.add(Report("qos0_dropped", 9, 9, 2))
    waiting.add(Report("session_lost", 1, 2))
    assert waiting.take() == [Report("qos0_dropped", 5, 9, 3), Report("session_lost", 1, 2)]
    assert waiting.take() == []
