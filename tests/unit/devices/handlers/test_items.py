"""Items: their keys tell them apart for good, and they can't be changed."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

import causeway
from devices.handlers.items import KINDS, CommandStep, Deleted, Desired, Event, Item, Reading, Registered, Reported

AT = datetime(2026, 12, 1, tzinfo=UTC)
READING = Reading("hall/a", 7, 1_000, AT, {"t": 21.5, "gap": None}, commit=3)


def test_each_has_a_key_of_its_own() -> None:
    items: list[Item] = [
        READING,
        structs.replace(READING, device="hall/b"),
        structs.replace(READING, rev=8),
        Event("hall/a", 9, "pressed", 1, 1_000),
        Reported("hall/a", 10, {}, {}),
        Desired("hall/a", 11, {}, {}),
        Registered("hall/a", commit=4),
        Deleted("hall/a", commit=5),
        Registered("hall/a", commit=6),
        CommandStep("hall/a", "c1", "blink", "sent", AT),
        CommandStep("hall/a", "c1", "blink", "done", AT),
    ]
    assert len({item.key for item in items}) == len(items)


def test_a_key_stays_whatever_else_is_said() -> None:
    assert READING.key == structs.replace(READING, commit=0, value=1, metrics={}).key == "reading:hall/a@7"


def test_a_reading_of_one_metric_has_its_value_and_a_gap_is_one() -> None:
    with_value, gap = READING.of_metric("t"), READING.of_metric("gap")
    assert with_value is not None
    assert (with_value.value, with_value.metrics, with_value.key) == (21.5, READING.metrics, READING.key)
    assert gap is not None
    assert gap.value is None
    assert READING.of_metric("u") is None


def test_none_can_be_changed() -> None:
    with pytest.raises(AttributeError):
        READING.rev = 8  # type: ignore[misc]


def test_apps_import_all_kinds_from_causeway() -> None:
    assert {name: getattr(causeway, name) for name in KINDS} == dict(KINDS)
