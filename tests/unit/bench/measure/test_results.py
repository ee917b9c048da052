"""Quantiles, spreads, ratios within a round, and the summary that results.json holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.results import Measured, Usage, quantile, significant, spread, summarise, total_cpu_s

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def test_a_quantile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = list(range(1, 101))
    assert [quantile(values, part) for part in (0.0, 0.01, 0.5, 0.99, 1.0)] == [1, 1, 50, 99, 100]
    assert quantile([7], 0.99) == 7
    assert quantile([], 0.5) == 0.0


@given(VALUES, st.floats(0, 1))
def test_of_any_values(values: list[float], part: float) -> None:
    values.sort()
    found = quantile(values, part)
    assert found in values
    assert sum(value <= found for value in values) >= part * len(values) * (1 - 1e-9)
    assert sum(value < found for value in values) <= part * len(values)


@pytest.mark.parametrize(
    ("value", "kept"), [(12345.678, 12350.0), (0.00123456, 0.001235), (123456.0, 123456.0), (0.0, 0.0), (3.0, 3.0)]
)
def test_four_digits_are_kept(value: float, kept: float) -> None:
    assert significant(value) == kept


def test_a_spread_keeps_the_rounds_in_order() -> None:
    assert spread([3, 1, 2]) == {"median": 2, "min": 1, "max": 3, "rounds": [3, 1, 2]}


def round_of(per_s: float, cpu_s: float = 1.0) -> Measured:
    return Measured({"per_s": per_s, "lost": 0}, {"web": Usage(cpu_s, 100.0)})


def test_ratios_are_of_the_same_round_and_not_of_medians() -> None:
    noisy = {
        "Causeway": [round_of(100), round_of(50), round_of(10)],
        "other": [round_of(50), round_of(20), round_of(1)],
    }
    found = summarise(noisy)["other"]["ratio"]
    assert found == {"per_s": {"to": "Causeway", "median": 0.4, "min": 0.1, "max": 0.5}}


def test_a_summary_has_figures_usage_and_another_base_where_told() -> None:
    rounds = {name: [round_of(per_s, cpu_s=per_s)] for name, per_s in (("Causeway", 10), ("a", 20), ("b", 40))}
    found = summarise(rounds, {"b": "a"})
    assert found["Causeway"]["ratio"] == {}
    assert found["Causeway"]["usage"] == {"web": {"cpu_s": spread([10.0]), "peak_mib": spread([100.0])}}
    assert found["b"]["ratio"]["per_s"]["to"] == "a"
    assert found["b"]["ratio"]["per_s"]["median"] == 2


def test_one_that_failed_in_its_second_round_keeps_its_first() -> None:
    found = summarise({"Causeway": [round_of(10), round_of(20)], "failed": [round_of(5)], "never": []})
    assert found["failed"]["ratio"]["per_s"]["median"] == 0.5
    assert "never" not in found


def test_the_tools_cpu_is_nobodys() -> None:
    usage = {role: Usage(1.0, 0) for role in ("web", "redis", "generator", "recorder")}
    assert total_cpu_s(usage) == 2.0
