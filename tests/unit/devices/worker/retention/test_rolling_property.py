"""Whatever comes, in whatever order, however late: each bucket says what the raw rows say, before and after crashes."""

import contextlib
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.history import series as series_module
from devices.history.rollups import parts as parts_module
from devices.history.rules.rollups import (
    DAY_MS,
    HOUR_MS,
    HOURS,
    LEAST_READINGS,
    LEVELS_MS,
    MIN_MS,
    Numbers,
    Stats,
    rolled,
    unpack,
)
from devices.history.rules.windows import Window
from devices.history.series import series
from devices.models import Device, Reading, Rollup, RollupState
from devices.worker.retention.rollups import turns
from devices.worker.retention.rollups.task import RollUp
from devices.worker.retention.scope import Scope
from devices.worker.rules import rolling
from runtime.database_clock import clock
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

KEEP_MS = 10**13
numbers = count(1)

number = st.one_of(st.integers(-1000, 1000), st.floats(-1e9, 1e9), st.none())
metrics = st.fixed_dictionaries(
    {},
    optional={
        "n": number,
        "big": st.sampled_from([1.7e308, -1.7e308, 1e-300]),
        "s": st.one_of(st.sampled_from(["a", "b"]), st.booleans(), st.none()),
        "x": st.one_of(number, number, number, st.just("text")),
    },
).filter(bool)
lateness = st.one_of(st.just(0), st.integers(0, 2 * MIN_MS), st.integers(0, 3 * HOUR_MS), st.integers(0, 2 * DAY_MS))
pauses = st.one_of(st.integers(0, MIN_MS), st.integers(0, 20 * MIN_MS), st.integers(0, DAY_MS))
spacings = st.sampled_from([500, 7_000, 40_000, 5 * MIN_MS, 40 * MIN_MS])
came = st.tuples(st.integers(1, 80), spacings, lateness, st.lists(metrics, min_size=1, max_size=7), st.booleans())
heard = st.tuples(st.just("hear"), pauses, came)
rolls = st.tuples(st.just("roll"), st.integers(0, 15), st.tuples(st.sampled_from([1, 10, 200]), pauses))
crashes = st.tuples(st.just("crash"), st.none(), st.none())
steps = st.lists(st.one_of(heard, heard, rolls, rolls, crashes), min_size=2, max_size=16)
ends = st.one_of(st.just(0), st.integers(0, DAY_MS))
spans = st.one_of(st.integers(10 * MIN_MS, 4 * HOUR_MS), st.integers(HOUR_MS, 6 * DAY_MS))
windows = st.tuples(ends, spans, st.integers(2, 40))


class History:
    """One device's, made step by step."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.key = worker, key_in(0, nth=next(numbers))
        self.task = RollUp()

    def hear(self, pause_ms: int, came: tuple[int, int, int, list[dict[str, Any]], bool]) -> None:
        """Some readings, one every so often, the last one so long ago; in the order of their times or not."""
        number, spacing_ms, late_ms, some, backwards = came
        self.worker.now_ms += pause_ms
        now_ms = self.worker.now_ms
        ts = [now_ms - late_ms - spacing_ms * back for back in range(number)]
        elements = [{**some[at % len(some)], "ts": one} for at, one in enumerate(ts if backwards else ts[::-1])]
        self.worker.hear(delivery(self.key, "telemetry", elements, at_ms=now_ms))

    def roll(self, times: int, how: tuple[int, int]) -> None:
        limit, pause_ms = how
        for _ in range(times):
            self.worker.now_ms += pause_ms // 10
            shards = list(self.worker.keeper._shards.values())
            self.task._readings = limit
            self.task.step(Scope(shards, 4, self.worker.now_ms, KEEP_MS, 1), limit)

    def crash(self, *_: None) -> None:
        """The worker dies between writing rows and the commit; another one knows nothing but what is stored."""
        with pytest.MonkeyPatch.context() as patched, contextlib.suppress(OperationalError):
            patched.setattr(turns, "_STATES", _Broken())
            self.roll(3, (100, HOUR_MS))
        for shard in self.worker.keeper._shards.values():
            shard.kept.clear()
        self.task = RollUp()


class _Broken:
    def write(self, rows: object) -> None:
        raise OperationalError


def check(history: History, monkeypatch: pytest.MonkeyPatch, window: Window) -> None:
    device = Device.objects.get(key=history.key)
    monkeypatch.setattr(clock, "now_ms", lambda: history.worker.now_ms)
    rolled = {one.metric: one for one in series([device], (), window)}
    with monkeypatch.context() as patched:
        patched.setattr(series_module, "parts", lambda *_: None)
        raw = {one.metric: one for one in series([device], (), window)}
    assert rolled.keys() == raw.keys()
    for name, one in raw.items():
        other = rolled[name]
        assert other.bucket_ms == one.bucket_ms, name
        assert other.columns.keys() == one.columns.keys()
        for column, values in one.columns.items():
            if column == "mean":
                sizes = [
                    max(abs(low), abs(high)) for low, high in zip(one.columns["min"], one.columns["max"], strict=True)
                ]
                for value, expected, size in zip(other.columns[column], values, sizes, strict=True):
                    assert value == pytest.approx(expected, rel=1e-12, abs=size * 1e-14)
            elif column == "shares":
                assert other.columns[column] == [pytest.approx(shares) for shares in values], (name, column)
            else:
                assert other.columns[column] == values, (name, column)
                assert list(map(type, other.columns[column])) == list(map(type, values)), (name, column)


class World:
    """A worker, whose long ``repr`` is of no use here."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker


@pytest.fixture
def world(worker: Worker) -> World:
    return World(worker)


@given(steps, st.lists(windows, min_size=1, max_size=6), st.integers(2, 40))
@settings(
    max_examples=250,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_bucket_says_what_the_raw_rows_say(
    world: World, monkeypatch: pytest.MonkeyPatch, steps: list[Any], windows: list[Any], many: int
) -> None:
    worker = world.worker
    monkeypatch.setattr(rolling, "MANY", many)
    monkeypatch.setattr(parts_module, "FEW_READINGS", 0)
    monkeypatch.setattr("devices.worker.retention.rollups.task.LOOK_PAUSE_S", 0.0)
    history = History(worker)
    history.hear(0, (1, 1, 0, [{"n": 1}], False))
    for name, first, second in steps:
        getattr(history, name)(first, second)
    device = Device.objects.get(key=history.key)
    for back, span, points in windows:
        until = worker.now_ms - back
        check(history, monkeypatch, Window(until - span, until, points))
    rows_are_right(device)


def rows_are_right(device: Device) -> None:
    """Each row is what the readings up to the cursor say of its bucket; each bucket that must have one has."""
    state = RollupState.objects.filter(device=device).first() or RollupState(rev=0, until_ms=0)
    readings = Reading.objects.filter(device=device, rev__lte=state.rev).order_by("ts", "rev")
    raw = list(readings.values_list("ts", "metrics"))
    assert all(ts < state.until_ms for ts, _ in raw)
    found = {(row.level, row.begin_ms): row for row in Rollup.objects.filter(device=device)}
    assert len(found) <= len(raw)
    for level, width in enumerate(LEVELS_MS):
        buckets: dict[int, list[tuple[int, Any]]] = {}
        for ts, values in raw:
            buckets.setdefault(ts // width * width, []).append((ts, values))
        for begin, its in buckets.items():
            row = found.pop((level, begin), None)
            if begin + width > state.until_ms:
                assert row is None
            elif row is None:
                assert level < HOURS or len(its) < LEAST_READINGS[level]
            else:
                assert row.readings == len(its)
                same(unpack(bytes(row.packed)), rolled(its, begin + width))
    assert not found


def same(some: Stats, others: Stats) -> None:
    assert some.keys() == others.keys()
    for name, one in some.items():
        other = others[name]
        if isinstance(one, Numbers) and isinstance(other, Numbers):
            size = max(abs(other.least), abs(other.greatest))
            assert one.mean == pytest.approx(other.mean, rel=1e-12, abs=size * 1e-14)
            assert replace(one, total=0, shift=0) == replace(other, total=0, shift=0), name
        else:
            assert one == other, name
