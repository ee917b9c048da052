"""Of a series: what is gathered in buckets is what the values say, whatever they are."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.history.rules.series import MAX_STATES, OTHERS, MixedError, Series, name_of
from devices.history.rules.windows import WIDTHS_MS, Window

T0 = 1_790_000_000_000
NOW = T0 + 10_000_000
MIN = 60_000

times = st.lists(st.integers(0, 400_000), min_size=1, max_size=80).map(sorted)
windows = st.builds(lambda begin, span, points: Window(T0 + begin, T0 + begin + span, points),
                    st.integers(0, 100_000), st.integers(1, 500_000), st.integers(2, 40))  # fmt: skip


def gathered(window: Window, rows: list[tuple[int, Any]], **options: Any) -> Series:
    series = Series(window, **options)
    for ts, value in rows:
        if window.since <= ts < window.until:
            series.add(ts, value)
    return series


@given(windows)
def test_no_more_buckets_than_points_meet_a_window_and_the_next_width_below_would_give_more(window: Window) -> None:
    width = window.bucket_ms
    assert -(-window.until // width) - window.since // width <= window.points
    narrower = [one for one in WIDTHS_MS if one < width]
    if narrower:
        assert -(-window.until // narrower[-1]) - window.since // narrower[-1] > window.points


@pytest.mark.parametrize("years", [1, 10, 300])
def test_windows_of_any_length_have_a_width(years: int) -> None:
    window = Window(0, years * 365 * 86_400_000, 2)
    assert -(-window.until // window.bucket_ms) <= 2


@given(windows, times, st.data())
def test_buckets_of_numbers_say_what_their_values_say(window: Window, offsets: list[int], data: st.DataObject) -> None:
    number = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
    rows = [(T0 + offset, data.draw(number)) for offset in offsets]
    series = gathered(window, rows)
    inside = [(ts, value) for ts, value in rows if window.since <= ts < window.until]
    columns = series.columns(NOW)
    if len(inside) < window.points:
        assert series.bucket_ms == 0
        assert columns == {"ts": [ts for ts, _ in inside], "last": [value for _, value in inside]}
        return
    width = series.bucket_ms
    by_begin: dict[int, list[Any]] = {}
    for ts, value in inside:
        if value is not None:
            by_begin.setdefault(ts - ts % width, []).append(value)
    assert columns["ts"] == list(by_begin)
    assert columns["count"] == [len(values) for values in by_begin.values()]
    assert columns["min"] == [min(values) for values in by_begin.values()]
    assert columns["max"] == [max(values) for values in by_begin.values()]
    assert columns["last"] == [values[-1] for values in by_begin.values()]
    for mean, values in zip(columns["mean"], by_begin.values(), strict=True):
        assert math.isfinite(mean)
        assert mean == pytest.approx(math.fsum(value / len(values) for value in values), rel=1e-9, abs=1e-9)


@given(windows, times, st.data())
def test_shares_of_states_are_how_long_each_held(window: Window, offsets: list[int], data: st.DataObject) -> None:
    state = st.one_of(st.none(), st.booleans(), st.sampled_from(["a", "b", "on"]))
    rows = [(T0 + offset, data.draw(state)) for offset in offsets]
    held = data.draw(state)
    now_ms = data.draw(st.integers(T0 + 400_000, T0 + 600_000))
    series = gathered(window, rows, kind="states", held=held)
    inside = [(ts, value) for ts, value in rows if window.since <= ts < window.until]
    if len(inside) < window.points:
        assert series.bucket_ms == 0
        return
    columns, width, until = series.columns(now_ms), series.bucket_ms, min(window.until, now_ms)
    begins = sorted({ts - ts % width for ts, value in inside if value is not None})
    assert columns["ts"] == begins
    steps = [(window.since, held), *inside, (until, None)]
    for begin, shares in zip(begins, columns["shares"], strict=True):
        low, high = max(begin, window.since), min(begin + width, until)
        expected: dict[str, float] = {}
        for (since, value), (end, _) in pairwise(steps):
            part = min(end, high) - max(since, low)
            if value is not None and part > 0:
                expected[name_of(value)] = expected.get(name_of(value), 0) + part / (high - low)
        assert shares == pytest.approx(expected)
        assert sum(shares.values()) <= 1 + 1e-9


def test_a_value_holds_over_buckets_in_which_nothing_came_and_those_are_not_listed() -> None:
    window = Window(T0, T0 + 10 * MIN, 20)
    width = window.bucket_ms
    first, far = T0 - T0 % width + width, T0 - T0 % width + 5 * width
    rows = [(first + n, "on") for n in range(20)] + [(far + width // 4, "off")]
    columns = gathered(window, rows).columns(NOW)
    assert columns["ts"] == [first, far]
    assert columns["shares"][1] == {"on": 0.25, "off": 0.75}
    assert columns["last"] == ["on", "off"]


def test_numbers_and_other_values_do_not_mix() -> None:
    series = Series(Window(T0, T0 + MIN, 3))
    series.add(T0, None)
    series.add(T0, 1)
    with pytest.raises(MixedError):
        series.add(T0 + 1, "1")


def test_of_very_many_states_the_rarest_are_put_together() -> None:
    window = Window(0, 60_000, 2)
    rows = [(number * 500, f"state {number}") for number in range(100)]
    shares, _ = gathered(window, rows).columns(NOW)["shares"]
    assert len(shares) == MAX_STATES + 1
    assert shares[OTHERS] == pytest.approx(10 / 60)
    assert sum(shares.values()) == pytest.approx(1)


def test_a_mean_stays_a_number_where_the_sum_would_be_none() -> None:
    window = Window(T0, T0 + MIN, 2)
    columns = gathered(window, [(T0, 1.7e308), (T0 + 1, 1.7e308), (T0 + 2, 1.7e308)]).columns(NOW)
    assert columns["mean"] == [pytest.approx(1.7e308)]
