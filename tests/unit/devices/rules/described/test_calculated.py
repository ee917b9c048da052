"""Calculated metrics: what they come to, window by window."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rules.described.calculated import Calculated, as_json, calculate, calculated_of, spans
from devices.rules.described.expressions import parse, parse_value
from devices.rules.described.windows import KINDS, MAX_SAMPLES, Samples, Window, span_ms

MIN = 60_000


def one(expression: str, metric: str = "out", **more: Any) -> Calculated:
    return calculated_of({"metric": metric, "expression": expression, **more})


def nothing(_metric: str) -> Samples:
    return Samples(MIN)


def series(*values: tuple[int, Any], span: int = 60 * MIN) -> Samples:
    samples = Samples(span)
    for ts, value in values:
        samples.add(ts, value)
    return samples


def test_of_what_a_reading_does_not_say_the_latest_counts_unless_it_is_newer() -> None:
    power = [one("u * i", "power")]
    assert calculate(power, 10, {"u": 230}, {"i": (2, 5)}, nothing) == {"power": 460}
    assert calculate(power, 10, {"u": 230}, {"i": (2, 11)}, nothing) == {"power": None}
    assert calculate(power, 10, {"u": 230, "i": 3}, {"i": (2, 11)}, nothing) == {"power": 690}
    assert calculate(power, 10, {"other": 1}, {"u": (230, 1), "i": (2, 1)}, nothing) == {}


def test_each_sees_what_those_before_it_came_to() -> None:
    those = [one("u * i", "power"), one("power > 100", "on", kind="boolean"), one("on", "said", kind="text")]
    assert calculate(those, 1, {"u": 10, "i": 20}, {}, nothing) == {"power": 200, "on": True, "said": None}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('mean(t, "10m")', 4.0),
        ('min(t, "10m")', 2),
        ('max(t, "10m")', 6),
        ('max(t, 3)', 6),
        ('rate(t, "10m") * 60', 1.0),
        ('integral(t, "10m")', (2 * 2 + 4 * 2 + 6 * 0 + 1 * 6) / 60),
        ('round(integral(metric("t"), "1h"))', 0),
        ('duty(on, "10m")', 0.5),
        ('duty(mode == "heat", "10m")', 0.2),
        ('rate(t, "1m")', None),
    ],
)  # fmt: skip
def test_windows(expression: str, expected: float | None) -> None:
    its = {
        "t": series((-1, 1), (6 * MIN, 2), (8 * MIN, 4), (10 * MIN, 6)),
        "on": series((0, True), (5 * MIN, False), (10 * MIN, True)),
        "mode": series((-3, "heat"), (2 * MIN, "cool")),
    }
    found = calculate([one(expression)], 10 * MIN, {"t": 6, "on": True, "mode": "cool"}, {}, its.__getitem__)
    assert found["out"] == (expected if expected is None else pytest.approx(expected))


@given(st.lists(st.tuples(st.integers(0, 100_000), st.floats(-1e6, 1e6)), max_size=40), st.integers(0, 100_000))
def test_windows_are_what_all_values_say_in_whatever_order_they_came(values: list[tuple[int, float]], at: int) -> None:
    samples = series(*values, span=200_000)
    inside = [value for ts, value in values if at - 50_000 < ts <= at]
    mean = samples.value_of(Window("mean", "t", 50_000), at)
    assert mean == (pytest.approx(sum(inside) / len(inside)) if inside else None)
    assert samples.value_of(Window("min", "t", 50_000), at) == (min(inside) if inside else None)
    assert samples.times == sorted(samples.times)


def test_what_is_too_old_or_too_much_goes_but_for_what_still_holds() -> None:
    samples = series(*((ts, ts) for ts in range(0, 100_000, 10_000)), span=30_000)
    assert samples.times == [60_000, 70_000, 80_000, 90_000]
    many = series(*((ts, 1) for ts in range(MAX_SAMPLES + 5)))
    assert len(many.times) == MAX_SAMPLES


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_window_of_which_a_part_is_not_at_hand_is_unknown(kind: str) -> None:
    many, last = series(*((ts, 1) for ts in range(0, 1_000 * (MAX_SAMPLES + 5), 1_000))), 1_000 * (MAX_SAMPLES + 4)
    assert many.value_of(Window(kind, "t", 1_000 * (MAX_SAMPLES - 1)), last) is not None
    assert many.value_of(Window(kind, "t", 1_000 * MAX_SAMPLES), last) is None
    assert many.value_of(Window(kind, "t", 30_000), 20_000) is None, "of a late reading, from before what is at hand"
    few = series((5_000, 1), (6_000, 1))
    assert few.value_of(Window(kind, "t", MIN), 7_000) is not None, "before that there was nothing"


def test_what_was_left_out_is_as_it_is_meant() -> None:
    found = one("a + 1", unit="W", scope={"site": "demo"})
    assert calculated_of(as_json(found)) == found
    assert spans([one('mean(a, "5m") + max(a, "1h")'), one("b")]) == {"a": 3_600_000}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"metric": "a"}, "expression"),
        ({"metric": "", "expression": "b"}, "metric: 1 to"),
        ({"metric": "a", "expression": "a + 1"}, "itself"),
        ({"metric": "a", "expression": "1 + 1"}, "names no metric"),
        ({"metric": "a", "expression": "mean(b)"}, "write mean"),
        ({"metric": "a", "expression": 'mean(b + 1, "5m")'}, "of one metric"),
        ({"metric": "a", "expression": 'mean(b, "5 minutes")'}, "no time from"),
        ({"metric": "a", "expression": 'duty(b > 1, "5m")'}, "duty is of a metric"),
        ({"metric": "a", "expression": "b", "kind": "colour"}, "kind"),
        ({"metric": "a", "expression": "b", "scope": {"site": "/"}}, "scope: site"),
        ({"metric": "a", "expression": "__import__('os')"}, "no function"),
    ],
)
def test_what_is_wrong_is_said(value: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        calculated_of(value)


def test_conditions_have_no_windows() -> None:
    with pytest.raises(ValueError, match="calculated metrics"):
        parse('mean(t, "5m") > 3')
    assert parse_value('mean(t, "5m") > 3').metrics == {"t"}
    assert span_ms("90s") == 90_000
