"""Which items a handler is handed."""

from datetime import UTC, datetime

import pytest

from devices.handlers.filters import matching
from devices.handlers.items import Event, Item, Reading
from devices.handlers.registry import Wanted
from devices.models import DeviceTag, Twin
from devices.requests.registry import register_device
from devices.rules.twin import dump, load

AT = datetime(2026, 12, 1, tzinfo=UTC)
A1 = Reading("hall/a", 1, 0, AT, {"t": 1})
B2 = Reading("hall/b", 2, 0, AT, {"u": None})
C3 = Reading("yard/c", 3, 0, AT, {"t": 3})
E4 = Event("hall/a", 4, "e", None, 0)
ITEMS: list[Item] = [A1, B2, C3, E4]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(Reading), [A1, B2, C3]),
        (Wanted(Event), [E4]),
        (Wanted(Reading, site="hall"), [A1, B2]),
        (Wanted(Reading, device="hall/b"), [B2]),
        (Wanted(Reading, site="yard", device="hall/b"), []),
    ],
)
def test_by_what_the_items_say(wanted: Wanted, found: list[Item]) -> None:
    assert matching(wanted, ITEMS) == found


def test_with_a_metric_readings_have_its_value() -> None:
    assert [
        (one.device, one.value) for one in matching(Wanted(Reading, metric="t"), ITEMS) if isinstance(one, Reading)
    ] == [
        ("hall/a", 1),
        ("yard/c", 3),
    ]
    assert [one.device for one in matching(Wanted(Reading, metric="u"), ITEMS)] == ["hall/b"]


@pytest.mark.django_db
def test_by_what_the_devices_are_now() -> None:
    devices = {key: register_device(key) for key in ("hall/a", "hall/b")}
    DeviceTag.objects.create(device=devices["hall/a"], tag="hot")
    twin = Twin.objects.get(device=devices["hall/b"])
    state = load(dump_of(twin))
    state.dialect = "tasmota"
    Twin.objects.filter(pk=twin.pk).update(doc=dump(state))
    assert matching(Wanted(Reading, tag="hot"), ITEMS) == [A1]
    assert matching(Wanted(Reading, dialect="tasmota"), ITEMS) == [B2]
    assert matching(Wanted(Reading, dialect="native"), ITEMS) == [A1]
    assert matching(Wanted(Reading, dialect="native", tag="hot"), ITEMS) == [A1]
    assert matching(Wanted(Reading, dialect="homie"), ITEMS) == []


def dump_of(twin: Twin) -> bytes:
    import msgspec

    return msgspec.json.encode(twin.doc)
