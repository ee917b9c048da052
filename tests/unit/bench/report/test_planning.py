"""From measured CPU time to numbers of processes."""

import math
from typing import Any

import pytest

from bench.report import planning
from bench.report.planning import Costs, Curve, Wish, curve, plan


def straight(base: float, us: float) -> Curve:
    """One that was measured so often that nothing lies between: so many cores, and so many µs more a message."""
    return curve((rate, base + us * rate / 1e6) for rate in range(0, 100_001, 10))


COSTS = Costs(
    curves={
        "gateway": straight(0.02, 40.0),
        "workers": straight(0.05, 100.0),
        "web": straight(0.02, 10.0),
        "redis": straight(0.0, 12.0),
    },
    frame_us=50.0,
    items_a_frame=20.0,
    mib={"gateway": 60.0, "workers": 80.0, "web": 70.0},
    twin_mib=0.001,
    socket_mib=0.1,
)
CHEAPER = curve([(0, 0.01), (10, 0.05), (100, 0.2), (1000, 0.5)])  # a message, the more there are
DEARER = curve([(0, 0.01), (10, 0.05), (100, 0.2), (1000, 4.0)])


@pytest.mark.parametrize(
    ("per_s", "cores"),
    [
        (0, 0.01),
        (5, 0.03),  # straight on from idle
        (10, 0.05),
        (20, 0.1),  # a message costs what it does at 10/s
        (60, 0.2),  # but all of them no more than 100/s
        (1000, 0.5),
        (4000, 2.0),  # and beyond, what it costs at 1,000/s
    ],
)
def test_between_what_was_measured_it_errs_on_the_safe_side(per_s: float, cores: float) -> None:
    assert CHEAPER.cores(per_s) == pytest.approx(cores)


def test_where_messages_become_dearer_it_goes_straight() -> None:
    assert DEARER.cores(550) == pytest.approx(2.1)


@pytest.mark.parametrize("made", [CHEAPER, DEARER])
def test_it_never_falls_and_never_lies_below_the_straight_line(made: Curve) -> None:
    cores = [made.cores(rate) for rate in range(3000)]
    assert cores == sorted(cores)
    rise = (made.points[-1].cores - 0.2) / 900
    assert all(cores[rate] >= 0.2 + rise * (rate - 100) - 1e-9 for rate in range(100, 1001))


def test_what_took_less_at_a_higher_rate_is_not_believed() -> None:
    assert curve([(200, 0.3), (100, 0.4), (0, 0.1)]).cores(200) == 0.4


def test_where_it_fills_a_core() -> None:
    assert CHEAPER.fills_at(1.0) == pytest.approx(2000)
    assert CHEAPER.fills_at(0.15) == pytest.approx(30, rel=1e-3)
    assert CHEAPER.fills_at(0.5) == pytest.approx(1000)
    assert curve([(0, 1.2), (10, 1.3)]).fills_at(1.0) == pytest.approx(0, abs=0.01)
    assert curve([(0, 0), (10, 0)]).fills_at(1.0) == math.inf


def test_one_of_several_has_its_part_of_the_messages() -> None:
    each = CHEAPER.of_each(2)
    assert each.cores(500) == pytest.approx(0.25)
    assert each.cores(0) == pytest.approx(0.005)


def test_a_small_installation_has_one_of_each() -> None:
    made = plan(COSTS, Wish(100, 1.0, 5))
    assert {role: need.processes for role, need in made.items()} == {"gateway": 1, "workers": 1, "web": 1}
    assert made["web"].cores == pytest.approx(0.02 + 0.001 + 5 * 10 * 50e-6)


def test_messages_are_shared_out_among_gateways_and_workers() -> None:
    made = plan(COSTS, Wish(20_000, 1.0, 0))
    assert made["gateway"].processes == math.ceil(0.8 / 0.68)
    assert made["workers"].processes == math.ceil(2.0 / 0.65)
    assert made["workers"].cores == pytest.approx(4 * 0.05 + 2.0)
    assert COSTS.curves["redis"].cores(20_000) == pytest.approx(0.24)


def test_every_web_process_hears_of_every_message_and_sockets_are_shared_out() -> None:
    made = plan(COSTS, Wish(10_000, 1.0, 2_000))
    each, frames = 0.02 + 0.1, 2_000 * 10 * 50e-6
    assert made["web"].processes == math.ceil(frames / (0.7 - each)) == 2
    assert made["web"].cores == pytest.approx(2 * each + frames)


def test_no_number_of_web_processes_is_enough_when_hearing_fills_each() -> None:
    assert plan(COSTS, Wish(70_000, 1.0, 1))["web"].processes == 0


def test_a_dashboard_gets_no_more_frames_than_items_and_at_most_ten_a_second() -> None:
    assert Wish(1000, 1.0, 3).frames_per_s == 30
    assert Wish(1000, 0.01, 3).frames_per_s == pytest.approx(6)
    assert Wish(2, 0.5, 3).frames_per_s == 3  # it cannot watch more than there are


def test_memory_is_the_processes_and_what_they_hold() -> None:
    made = plan(COSTS, Wish(10_000, 0.1, 200))
    assert {role: need.mib for role, need in made.items()} == pytest.approx({"gateway": 60, "workers": 90, "web": 90})


def test_costs_come_from_the_rates_that_were_measured(results: dict[str, Any]) -> None:
    found = planning.costs(results["scenarios"])
    assert [one.per_s for one in found.curves["gateway"].points] == pytest.approx([0, 4, 200, 4000, 4000, 8000])
    assert found.curves["gateway"].cores(200) == pytest.approx(0.01 + 40e-6 * 200)
    assert found.curves["gateway"].cores(4) == pytest.approx(0.01 + 40e-6 * 4)  # a lone message's is above idle
    assert found.curves["workers"].cores(0) == pytest.approx(0.02)  # of one of two
    assert found.curves["workers"].cores(4000) == pytest.approx(0.02 + 100e-6 * 4000)
    assert found.frame_us == pytest.approx(50, rel=0.01)  # hearing of 200 messages/s is not the frames'
    assert found.items_a_frame == 20
    assert found.twin_mib == pytest.approx(0.001)
    assert found.socket_mib == pytest.approx(0.1)
    assert found.mib["workers"] == 80


@pytest.mark.parametrize(("without", "missing"), [("fanout/1000", "fanout"), ("scale/100", "scale")])
def test_what_was_not_measured_is_named(results: dict[str, Any], without: str, missing: str) -> None:
    del results["scenarios"][without]
    with pytest.raises(KeyError, match=missing):
        planning.costs(results["scenarios"])


def test_who_was_not_seen_idle_is_taken_to_do_what_the_least_load_took(results: dict[str, Any]) -> None:
    without = {name: one for name, one in results["scenarios"].items() if name not in {"rates/idle", "rates/lone"}}
    found = planning.process_curves(without)
    assert found["gateway"].cores(0) == found["gateway"].cores(50) == pytest.approx(0.01 + 40e-6 * 200)


def test_nothing_at_all_is_named_too() -> None:
    with pytest.raises(KeyError, match="rates"):
        planning.fills({})


def test_the_first_to_be_full_comes_first(results: dict[str, Any]) -> None:
    found = planning.fills(results["scenarios"])
    assert [role for role, _ in found] == ["workers", "postgres", "gateway", "mosquitto", "web", "redis"]
    assert found[0][1] == pytest.approx(9524, rel=0.01)  # a message beyond the highest rate costs what it does there


def test_whose_cpu_time_a_figure_tells() -> None:
    median = {"median": 2.0}
    assert planning.unit_us({"p50_ms": median, "cpu_us_per_message": median}) == (False, "message", 2.0)
    assert planning.unit_us({"cpu_ms_per_command": median}) == (False, "command", 2000.0)
    assert planning.unit_us({"swarm_cpu_us_per_frame": median, "web_cpu_us_per_item": median}) == (True, "item", 2.0)
    assert planning.unit_us({"messages_per_s": median}) is None


def test_the_others_time_is_in_proportion_to_the_one_that_is_told(results: dict[str, Any]) -> None:
    _, found = planning.by_role(results["scenarios"], "fanout/1000")
    assert found == pytest.approx(dict.fromkeys(found, 52.2))
    assert "generator" not in planning.by_role(results["scenarios"], "uplink")[1]
