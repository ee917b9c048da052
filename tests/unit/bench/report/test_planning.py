"""From measured CPU time to numbers of processes."""

import math
from typing import Any

import pytest

from bench.report import planning
from bench.report.planning import Costs, Line, Wish, fitted, plan

COSTS = Costs(
    lines={
        "gateway": Line(0.02, 40.0),
        "workers": Line(0.05, 100.0),
        "web": Line(0.02, 10.0),
        "redis": Line(0.0, 12.0),
    },
    frame_us=50.0,
    items_a_frame=20.0,
    mib={"gateway": 60.0, "workers": 80.0, "web": 70.0},
    twin_mib=0.001,
    socket_mib=0.1,
)


def test_a_line_goes_through_what_lies_on_one() -> None:
    line = fitted((rate, 0.05 + 100 * rate / 1e6) for rate in (800, 4000, 8000))
    assert [line.base, line.us] == pytest.approx([0.05, 100])
    assert line.cores(2000) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("points", "base", "us"),
    [
        ([(1000, 0.2)], 0, 200),  # one point: all of it is the messages'
        ([(1000, 0.1), (2000, 0.4)], 0, 500 / 3),  # cheaper when there is less: never less than nothing
        ([(1000, 0.3), (2000, 0.2)], 0.1, 100),  # not dearer when there is more: what it costs at least
    ],
)
def test_neither_part_of_a_line_is_below_zero(points: list[tuple[float, float]], base: float, us: float) -> None:
    line = fitted(points)
    assert [line.base, line.us] == pytest.approx([base, us], abs=1e-9)


def test_where_a_line_fills_a_core() -> None:
    assert Line(0.2, 100).fills_at(1.0) == pytest.approx(8000)
    assert Line(1.2, 100).fills_at(1.0) == 0
    assert Line(0.2, 0).fills_at(1.0) == math.inf


def test_a_small_installation_has_one_of_each() -> None:
    made = plan(COSTS, Wish(100, 1.0, 5))
    assert {role: need.processes for role, need in made.items()} == {"gateway": 1, "workers": 1, "web": 1}
    assert made["web"].cores == pytest.approx(0.02 + 0.001 + 5 * 10 * 50e-6)


def test_messages_are_shared_out_among_gateways_and_workers() -> None:
    made = plan(COSTS, Wish(20_000, 1.0, 0))
    assert made["gateway"].processes == math.ceil(0.8 / 0.68)
    assert made["workers"].processes == math.ceil(2.0 / 0.65)
    assert made["workers"].cores == pytest.approx(4 * 0.05 + 2.0)
    assert COSTS.lines["redis"].cores(20_000) == pytest.approx(0.24)


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


def test_costs_come_from_the_loads_that_were_measured(results: dict[str, Any]) -> None:
    found = planning.costs(results["scenarios"])
    assert found.lines["gateway"].us == pytest.approx(40, rel=0.01)
    assert found.lines["workers"].base == pytest.approx(0.02, rel=0.1)  # of one of two
    assert found.lines["workers"].us == pytest.approx(100, rel=0.01)
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


def test_nothing_at_all_is_named_too() -> None:
    with pytest.raises(KeyError, match="uplink"):
        planning.fills({})


def test_the_first_to_be_full_comes_first(results: dict[str, Any]) -> None:
    found = planning.fills(results["scenarios"])
    assert [role for role, _ in found] == ["workers", "postgres", "gateway", "mosquitto", "web", "redis"]
    assert found[0][1] == pytest.approx(9800, rel=0.01)


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
