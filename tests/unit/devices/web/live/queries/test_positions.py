"""Positions of event streams, kept in parts."""

from datetime import timedelta

import pytest

from devices.models import StreamPosition
from devices.web.live.queries import positions
from devices.web.live.queries.positions import keep, need, resolve
from devices.web.live.stream.positions import Place
from runtime.database_clock import now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "_WHOLE_EVERY", 3)


def test_parts_add_up_to_where_the_client_stood_at_each_of_them() -> None:
    for number in range(1, 9):
        keep("s", number, {"demo/each": number, f"demo/{number}": 10 * number, f"demo/{number - 1}": None})
    keep("other", 8, {"demo/x": 1})
    for number in range(1, 9):
        stood = resolve(Place("s", number, {"demo/new": 5}))
        assert stood is not None
        assert {device: rev for device, rev in stood.items() if rev is not None} == {
            "demo/each": number, f"demo/{number}": 10 * number, "demo/new": 5,
        }  # fmt: skip
    assert list(StreamPosition.objects.filter(is_whole=True, stream="s").values_list("number", flat=True)) == [3, 6]


def test_a_part_that_is_kept_twice_is_kept_once() -> None:
    keep("s", 1, {"demo/a": 1})
    keep("s", 1, {"demo/a": 1})
    assert StreamPosition.objects.count() == 1


def test_without_parts_an_id_says_all_and_a_missing_part_nothing() -> None:
    assert resolve(Place("s", 0, {"demo/a": 1})) == {"demo/a": 1}
    keep("s", 1, {"demo/a": 1})
    keep("s", 2, {"demo/a": 2})
    assert resolve(Place("s", 4, {})) is None
    assert resolve(Place("t", 1, {})) is None
    StreamPosition.objects.filter(number=1).delete()
    assert resolve(Place("s", 2, {})) is None


def test_what_is_needed_stays_and_the_rest_goes_after_an_hour_at_least() -> None:
    for number in range(1, 6):
        keep("open", number, {"demo/a": number})
        keep("ended", number, {"demo/a": number})
    StreamPosition.objects.update(needed_at=now() - timedelta(minutes=70))
    need("open", 5)
    assert resolve(Place("ended", 5, {})) is not None
    StreamPosition.objects.filter(needed_at__lt=now() - timedelta(hours=1)).update(needed_at=now() - timedelta(hours=3))
    need("open", 5)
    assert resolve(Place("open", 5, {})) == {"demo/a": 5}
    assert set(StreamPosition.objects.values_list("stream", flat=True)) == {"open"}
