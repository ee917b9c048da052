"""Rollups on both databases: some devices' turns in one transaction, and series of what they have made."""

import time
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, transaction

from devices.history import series as series_module
from devices.history.rollups import parts as parts_module
from devices.history.rules.rollups import DAY_MS, HOUR_MS, MIN_MS
from devices.history.rules.windows import Window
from devices.history.series import series
from devices.models import Device, Reading, Rollup, RollupState, Twin
from devices.requests.registry import register_devices
from devices.worker.retention.rollups import turns as turns_module
from devices.worker.retention.rollups.turns import Turn, take
from devices.worker.rules.rolling import Progress, go_on

NOW = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS
SINCE = NOW - 2 * DAY_MS
EVERY_MS = {"demo/fast": 5_000, "demo/slow": 5 * MIN_MS, "demo/seldom": 7 * HOUR_MS}


def stored(key: str, first_rev: int, times: list[int]) -> None:
    device, numbers = Device.objects.get(key=key), count(first_rev)
    Reading.objects.bulk_create(
        Reading(device=device, rev=rev, ts=ts, received_ms=max(ts, NOW), metrics=metrics(rev, ts))
        for rev, ts in zip(numbers, times, strict=False)
    )
    Twin.objects.filter(device=device).update(rev=first_rev + len(times) - 1)


def metrics(rev: int, ts: int) -> dict[str, Any]:
    return {"t": rev % 50 / 10, "on": ts // HOUR_MS % 3 == 0} if rev % 4 else {"t": None, "mode": f"m{rev % 3}"}


def roll_up(usual: int = 1_000) -> None:
    """All devices, several in a transaction, until there is nothing to do."""
    rows = RollupState.objects.values_list("device_id", "rev", "until_ms", "since_ms")
    known = {row[0]: Progress(*row[1:]) for row in rows}
    devices = {pk: known.get(pk, Progress()) for pk in Device.objects.values_list("pk", flat=True)}
    for device, progress in devices.items():
        progress.newest_rev = Twin.objects.get(pk=device).rev
    while any(progress.newest_rev > progress.rev for progress in devices.values()):
        before = [progress.rev for progress in devices.values()]
        turns = [Turn(device, progress, usual) for device, progress in devices.items()]
        with transaction.atomic():
            plans = take(turns, NOW + 2 * HOUR_MS)
        for turn, plan in zip(turns, plans, strict=True):
            go_on(turn.progress, plan, usual, turn.device, NOW + 2 * HOUR_MS)
        assert before != [progress.rev for progress in devices.values()], "it gets nowhere"


@pytest.fixture(autouse=True)
def every_series_is_made_of_rollups(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "FEW_READINGS", 0)
    register_devices(list(EVERY_MS))
    for device in Device.objects.all():
        Twin.objects.get_or_create(device=device, defaults={"doc": {}, "rev": 0, "status": "online"})
        stored(device.key, 1, list(range(SINCE, NOW, EVERY_MS[device.key])))


def both_ways(monkeypatch: pytest.MonkeyPatch, window: Window) -> None:
    devices = list(Device.objects.order_by("pk"))
    rolled = series(devices, (), window)
    with monkeypatch.context() as patched:
        patched.setattr(series_module, "parts", lambda *_: None)
        raw = series(devices, (), window)
    assert [(one.device, one.metric, one.bucket_ms) for one in rolled] == [
        (one.device, one.metric, one.bucket_ms) for one in raw
    ]
    for one, other in zip(rolled, raw, strict=True):
        for name, values in other.columns.items():
            is_rounded = name in ("mean", "shares")
            expected = [pytest.approx(value) if is_rounded else value for value in values]
            assert one.columns[name] == expected, (one.device, one.metric, name)


@pytest.mark.parametrize("usual", [700, 20_000])
def test_series_say_what_the_readings_say_before_and_after_late_ones(
    monkeypatch: pytest.MonkeyPatch, usual: int
) -> None:
    windows = [Window(SINCE + 17 * MIN_MS + 3, NOW - 5 * HOUR_MS + 7, points) for points in (12, 40, 300, 1_500)]
    roll_up(usual)
    for window in windows:
        both_ways(monkeypatch, window)
    stored("demo/fast", 40_000, [SINCE + 7 * HOUR_MS + 11 * n for n in range(50)] + [SINCE + DAY_MS + 5])
    for window in windows:
        both_ways(monkeypatch, window)
    roll_up(usual)
    for window in windows:
        both_ways(monkeypatch, window)
    assert Rollup.objects.count() < Reading.objects.count() / 4


def test_a_turn_whose_transaction_ends_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, rows: object) -> None:
            raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(turns_module, "_STATES", Broken())
        with pytest.raises(OperationalError):
            roll_up()
    assert not Rollup.objects.exists()
    roll_up()
    both_ways(monkeypatch, Window(SINCE, NOW, 48))
