"""When devices are rolled up, what of it is kept for how long, and what people see of it."""

from collections.abc import Callable
from typing import Any

import pytest

from devices.history.rollups import parts as parts_module
from devices.history.rules.rollups import DAY_MS, HOUR_MS, MIN_MS
from devices.history.rules.windows import Window
from devices.history.series import Found, series
from devices.models import Device, Reading, Rollup, RollupState, ShardState, Twin
from runtime.database_clock import clock
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A = key_in(0)
DAY0 = NOW_MS - NOW_MS % DAY_MS


@pytest.fixture(autouse=True)
def every_series_is_made_of_rollups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "FEW_READINGS", 0)


def until_it_rests(worker: Worker) -> None:
    """Steps of retention, which these are among, until there is nothing to do for a while."""
    for _ in range(2_000):
        next_ms = worker.keeper.purge()
        if next_ms > worker.now_ms + 5_000:
            return
        worker.now_ms = next_ms
    raise AssertionError("it never rests")


def pass_by(worker: Worker, ms: int) -> None:
    """Time passes, in ten pieces or by hours."""
    end_ms = worker.now_ms + ms
    while worker.now_ms < end_ms:
        worker.now_ms = min(end_ms, worker.now_ms + max(HOUR_MS, ms // 10))
        until_it_rests(worker)


def report(worker: Worker, since: int, until: int, every_ms: int, key: str = A) -> None:
    """Readings of a stretch, in messages of 500."""
    times = list(range(since, until, every_ms))
    for first in range(0, len(times), 500):
        some = [{"t": (ts // 1000) % 97, "on": ts // HOUR_MS % 2 == 0, "ts": ts} for ts in times[first : first + 500]]
        worker.now_ms = max(worker.now_ms, times[min(first + 499, len(times) - 1)])
        worker.hear(delivery(key, "telemetry", some, at_ms=worker.now_ms))


def levels(key: str = A) -> dict[int, int]:
    rows = list(Rollup.objects.filter(device__key=key).values_list("level", flat=True))
    return {level: rows.count(level) for level in sorted(set(rows))}


def asked(worker: Worker, monkeypatch: pytest.MonkeyPatch, window: Window, metric: str = "t") -> Found:
    monkeypatch.setattr(clock, "now_ms", lambda: worker.now_ms)
    (found,) = series([Device.objects.get(key=A)], [metric], window)
    return found


def test_the_ladder_follows_the_devices_rate(worker: Worker) -> None:
    worker.now_ms = DAY0
    report(worker, DAY0, DAY0 + 2 * HOUR_MS, 10_000)
    report(worker, DAY0, DAY0 + 2 * HOUR_MS, 5 * MIN_MS, key_in(0, nth=1))
    report(worker, DAY0, DAY0 + 2 * HOUR_MS, 30 * MIN_MS, key_in(0, nth=2))
    pass_by(worker, 30 * HOUR_MS)
    minutes = levels().pop(0)
    assert 80 <= minutes <= 120, "but for the last few readings"
    assert levels() == {0: minutes, 1: 12, 2: 2, 3: 1}
    assert levels(key_in(0, nth=1)) == {2: 2, 3: 1}
    assert levels(key_in(0, nth=2)) == {3: 1}


def test_a_silent_device_is_done_when_its_day_is_over(worker: Worker) -> None:
    worker.now_ms = DAY0 + 5 * HOUR_MS
    worker.hear(delivery(A, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    pass_by(worker, 40 * HOUR_MS)
    state = RollupState.objects.get(device__key=A)
    assert (state.until_ms % DAY_MS, levels()) == (0, {3: 1})
    assert state.rev == Twin.objects.get(device__key=A).rev
    pass_by(worker, 3 * DAY_MS)
    assert RollupState.objects.get(device__key=A).until_ms == state.until_ms, "nothing is written for who is silent"


def test_where_readings_are_gone_hours_and_days_still_say_all(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.now_ms = DAY0
    report(worker, DAY0, DAY0 + 6 * HOUR_MS, MIN_MS)
    window = Window(DAY0 + 30 * MIN_MS, DAY0 + DAY_MS, 200)
    pass_by(worker, 2 * DAY_MS)
    before = asked(worker, monkeypatch, window)
    assert (before.bucket_ms, sum(before.columns["count"])) == (10 * MIN_MS, 330)
    assert before.complete_since == window.since
    pass_by(worker, 31 * DAY_MS)
    assert not Reading.objects.filter(device__key=A).exists()
    assert levels() == {2: 6, 3: 1}, "minutes went with their readings"
    after = asked(worker, monkeypatch, window)
    assert (after.bucket_ms, after.columns["count"]) == (HOUR_MS, [60] * 6), "whole hours"
    assert after.complete_since == window.since
    monkeypatch.setattr(clock, "now_ms", lambda: worker.now_ms)
    (states,) = series([Device.objects.get(key=A)], ["on"], window)
    assert sum(states.columns["count"]) == 360


def test_few_readings_of_former_times_are_told_by_day(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.now_ms = DAY0
    for day in range(3):
        report(worker, DAY0 + day * DAY_MS, DAY0 + (day + 1) * DAY_MS, 8 * HOUR_MS)
    pass_by(worker, 40 * DAY_MS)
    found = asked(worker, monkeypatch, Window(DAY0, DAY0 + 3 * DAY_MS, 500))
    assert (found.bucket_ms, found.columns["count"]) == (DAY_MS, [3, 3, 3])


def test_rollups_go_in_their_time(worker: Worker, options: Callable[..., None]) -> None:
    options(rollup_days=60)
    another = Worker("another")
    another.now_ms = DAY0
    another.round()
    report(another, DAY0, DAY0 + 2 * HOUR_MS, MIN_MS)
    pass_by(another, 58 * DAY_MS)
    assert levels() == {2: 2, 3: 1}
    pass_by(another, 5 * DAY_MS)
    assert levels() == {}


def test_what_comes_late_for_a_time_whose_readings_are_gone_is_added(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.now_ms = DAY0
    report(worker, DAY0, DAY0 + HOUR_MS, MIN_MS)
    pass_by(worker, 33 * DAY_MS)
    late = {"t": 1000, "ts": DAY0 + 30 * MIN_MS + 1}
    worker.hear(delivery(A, "telemetry", late, at_ms=worker.now_ms))
    pass_by(worker, 2 * HOUR_MS)
    found = asked(worker, monkeypatch, Window(DAY0, DAY0 + 2 * HOUR_MS, 500))
    assert (found.columns["count"], found.columns["max"]) == ([61], [1000])
    assert found.columns["last"] == [(DAY0 + HOUR_MS - MIN_MS) // 1000 % 97]


def test_how_far_it_is_is_stored_for_people(worker: Worker) -> None:
    worker.now_ms = DAY0
    report(worker, DAY0, DAY0 + 3 * HOUR_MS, MIN_MS)
    pass_by(worker, 2 * HOUR_MS)
    report(worker, worker.now_ms, worker.now_ms + HOUR_MS, MIN_MS)
    pass_by(worker, 2 * MIN_MS)
    state = ShardState.objects.get(shard=0)
    assert DAY0 < state.rolled_until_ms <= RollupState.objects.get(device__key=A).until_ms
    pass_by(worker, 40 * HOUR_MS)
    state.refresh_from_db()
    assert (state.rolled_until_ms, state.rolling) == (0, 0)


def test_a_deleted_devices_rollups_go_with_it(worker: Worker) -> None:
    worker.now_ms = DAY0
    report(worker, DAY0, DAY0 + HOUR_MS, MIN_MS)
    pass_by(worker, 30 * HOUR_MS)
    assert levels()
    worker.ask(A, "delete")
    pass_by(worker, HOUR_MS)
    assert not Rollup.objects.exists()
    assert not Device.objects.filter(key=A).exists()


def test_readings_of_one_minute_that_are_more_than_a_step_reads_are_rolled_up_nevertheless(worker: Worker) -> None:
    worker.now_ms = DAY0
    for _ in range(8):
        some: list[Any] = [{"t": n, "ts": DAY0 + n} for n in range(1_000)]
        worker.hear(delivery(A, "telemetry", some, at_ms=DAY0 + 1_000))
    pass_by(worker, 30 * HOUR_MS)
    (row,) = Rollup.objects.filter(device__key=A, level=0)
    assert row.readings == 8_000
