"""The page that is made from a run's results."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.report import chapters, document, markdown
from bench.report.markdown import times


def section(page: str, heading: str) -> str:
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_every_block_of_the_template_is_there_and_every_block_is_used(results: dict[str, Any]) -> None:
    page = document.page(results)
    assert "$" not in page
    assert "Left out" not in page
    asked = set(re.findall(r"\$([a-z_]+)", document.TEMPLATE))
    assert asked == {*document.CONSTANTS, *document.BLOCKS}


def test_all_rows_of_a_table_have_as_many_cells(results: dict[str, Any]) -> None:
    for block in re.split(r"\n\n", document.page(results)):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1, block


def test_the_headline_is_the_uplink_and_the_latency(results: dict[str, Any]) -> None:
    said = chapters.headline(results)
    assert said.startswith("**8,000 QoS 1 messages a second**")
    assert "on 2 cores" in said
    assert "10× as many as plain Channels, Redis layer." in said
    assert said.endswith("in the browser after 4 ms, at half of that rate after 10 ms (p50).")


def test_without_a_lone_message_the_headline_goes_without(results: dict[str, Any]) -> None:
    del results["scenarios"]["rates/lone"]
    assert chapters.headline(results).endswith("At half of that rate a message is in the browser after 10 ms (p50).")


def test_ours_stands_against_the_rest(results: dict[str, Any]) -> None:
    against = section(document.page(results), "Against the rest")
    assert "| uplink: messages/s | 8,000 (7,900–8,100) | 800, **10×** |" in against
    assert "| uplink: p99, ms | 80 | 150, **1.9×** |" in against
    assert "| latency/50%: p50, ms | 10 | 5, **2× slower** |" in against
    assert "| rates/lone: p50, ms | 4 | failed |" in against
    assert "scale" not in against


def test_no_row_is_empty(results: dict[str, Any]) -> None:
    results["scenarios"]["uplink"]["better"]["never_measured_s"] = "lower"
    assert not re.search(r"^\| *\w[^|]*\|[ |]*$", document.page(results).partition("## CPU")[0], re.MULTILINE)


def test_the_page_begins_with_what_matters_most(results: dict[str, Any]) -> None:
    first = re.findall(r"^\|.*", document.page(results).partition("## ")[0], re.MULTILINE)
    assert "| messages/s from devices to a browser, without loss | 8,000 (7,900–8,100) | 800, **10×** |" in first[2]
    assert "| ms at half of each one's highest rate (p50) | 10 | 5, **2× slower** |" in "\n".join(first)


@pytest.mark.parametrize(
    ("ratio", "better", "figure", "said"),
    [
        (0.1, "higher", "messages_per_s", "10×"),
        (2.0, "higher", "messages_per_s", "2× fewer"),
        (0.071, "lower", "p50_ms", "14× slower"),
        (0.5, "lower", "cpu_us_per_message", "2× more"),
        (0.97, "lower", "p99_ms", "0.97×"),
        (3.0, "lower", "p99_ms", "3×"),
    ],
)
def test_a_ratio_says_which_one_is_worse(ratio: float, better: str, figure: str, said: str) -> None:
    assert times({"median": ratio}, better, figure) == said


def test_it_says_what_held_and_what_did_not(results: dict[str, Any]) -> None:
    held = section(document.page(results), "What must hold")
    assert "| uplink | at least 5,000 | 8,000 | ≥ 5,000 | held |" in held
    assert "| uplink | p99 at most 3 ms | 80 | ≤ 3 | **not held** |" in held


def test_a_limit_on_what_was_not_measured_is_not_held_against_it(results: dict[str, Any]) -> None:
    results["scenarios"]["uplink"]["limits"][0] |= {"actual": None, "bound": None, "held": None}
    assert "| uplink | at least 5,000 |  | ≥  | not measured |" in document.page(results)


def test_scenarios_with_one_title_are_one_section(results: dict[str, Any]) -> None:
    told = section(document.page(results), "The scenarios")
    assert re.findall(r"### (.*)", told) == ["Uplink", "Latency", "Rates", "Fan-out", "Scale"]
    assert "- plain Channels, Redis layer failed at `rates/lone`: it fell over." in told
    assert "| uplink: messages lost | 0 | 3 |" in told  # not among the better ones, but there
    assert "rates/lone: messages lost" not in told


def test_each_rate_is_a_line(results: dict[str, Any]) -> None:
    told = section(document.page(results), "At every rate")
    assert "| messages/s | CPU, % of a core | a message, µs | p50 / p99, ms | Redis layer: a message, µs |" in told
    assert "| idle | 8.0 |  |  |  |  |  |  |" in told
    assert "| lone |  | 230 | 4 / 9 | failed |  |  |  |" in told
    assert "| 200 | 13 | 630 | 4 / 16 | 2,000 | 5 / 25 |  |  |" in told
    assert "| 4,000 | 100 | 250 | 9 / 36 |  |  |  |  |" in told
    assert "| 4,000 | 100 | 17 | 44 | 6.0 | 8.0 | 4.0 | 21 |" in told  # by process


def test_without_rates_their_section_is_left_out(results: dict[str, Any]) -> None:
    results["scenarios"] = {name: one for name, one in results["scenarios"].items() if not name.startswith("rates/")}
    told = section(document.page(results), "At every rate")
    assert told.strip() == "Left out: this run did not measure `rates`."


def test_cpu_is_told_by_role_and_adds_up_to_what_was_measured(results: dict[str, Any]) -> None:
    line = next(line for line in chapters.cpu(results).splitlines() if line.startswith("| uplink, a message"))
    parts = [float(cell) for cell in line.split("|")[2:-1]]
    whole = results["scenarios"]["uplink"]["installations"]["Causeway"]["figures"]["cpu_us_per_message"]["median"]
    assert sum(parts) == pytest.approx(whole, rel=0.02)


def test_the_profile_has_a_table_that_adds_up(results: dict[str, Any]) -> None:
    told = chapters.profile(results)
    assert told.startswith("MQTT to one dashboard, at 4,000 messages/s; µs per message:")
    assert "| **all** | **40** | **10** |\n| MQTT | 30 |  |\n| other | 10 |  |" in told
    assert 'Samples: gateway 300; "other" in the same order: 25%.' in told


def test_plans_are_worked_out(results: dict[str, Any]) -> None:
    planned = section(document.page(results), "Capacity planning")
    assert "at most 70 % of a core" in planned
    assert "| 1,000 devices at 1 Hz, 10 dashboards | 1,000 | 100 | 1 (0.09) | 1 (0.22) | 1 (0.07) |" in planned
    assert "| 10,000 devices at 1 Hz, 1,000 dashboards | 10,000 | 10,000 | 1 (0.41) | 2 (1.1) | 1 (0.62) |" in planned
    assert "100 MiB for 100,000" in planned


def test_it_says_what_is_full_first(results: dict[str, Any]) -> None:
    told = section(document.page(results), "What to scale first")
    assert told.lstrip().startswith("**workers** first: one process of it fills its core at about 9,500 messages/s.")
    assert "240 µs of CPU a message, so 2 cores end at about 8,300 messages/s" in told


def test_it_says_which_run_it_is_of(results: dict[str, Any]) -> None:
    assert "This page is of a quick run, 2026-01-31, which took 7 minutes." in document.page(results)
    del results["took_s"]
    assert "This page is of a quick run, 2026-01-31." in document.page(results)


def test_what_is_of_another_run_says_so(results: dict[str, Any]) -> None:
    results["scenarios"]["rates/200"]["run"] = {"mode": "full", "date": "2026-02-03"}
    page = document.page(results)
    assert "- `rates/200`: What Rates measures (one round of a full run, 2026-02-03)." in page
    assert "took 7 minutes. `rates/200`: of a full run, 2026-02-03." in page


def test_a_machine_that_others_used_is_told(results: dict[str, Any]) -> None:
    assert "Other programs" not in document.page(results)
    results["scenarios"]["rates/200"]["others_percent"] = 41.5
    assert "Other programs took up to 42 % of the machine in 1 of 9 scenarios" in document.page(results)


@pytest.mark.parametrize(
    ("without", "heading", "what"),
    [
        ("fanout/1000", "Capacity planning", "`fanout`"),
        ("scale/100", "Capacity planning", "`scale`"),
        ("profile", "Where the time goes", "`profile`"),
    ],
)
def test_what_was_not_measured_is_left_out_with_a_line(
    results: dict[str, Any], without: str, heading: str, what: str
) -> None:
    del (results if without == "profile" else results["scenarios"])[without]
    page = document.page(results)
    assert section(page, heading).strip() == f"Left out: this run did not measure {what}."
    assert page.count("Left out") == 1


def test_a_run_of_one_odd_scenario_is_a_page_too(results: dict[str, Any]) -> None:
    results["scenarios"] = {"scale/100": results["scenarios"]["scale/100"]}
    page = document.page(results)
    assert page.startswith("# Performance\n\nWhat Causeway costs and carries")
    assert "### Scale" in page
    assert "Left out: this run did not measure `rates`." in page


def test_it_writes_page_and_data_that_belong_together(results: dict[str, Any], tmp_path: Path) -> None:
    document.write(results, tmp_path)
    kept = json.loads((tmp_path / "performance.json").read_text())
    assert (tmp_path / "performance.md").read_text() == document.page(kept)


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        ("messages_per_s", "messages/s"),
        ("p99_ms", "p99, ms"),
        ("cpu_us_per_message", "CPU per message, µs"),
        ("web_cpu_us_per_frame", "web CPU per frame, µs"),
        ("cpu_ms_per_command", "CPU per command, ms"),
        ("written_bytes_per_message", "written per message, bytes"),
        ("items_per_cpu_s", "items/CPU s"),
        ("lost_percent", "messages lost, %"),
        ("disordered", "messages out of order"),
        ("start_s", "start, s"),
    ],
)
def test_figures_are_told_in_words(figure: str, text: str) -> None:
    assert markdown.words(figure) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (0.344, "0.34"), (5.56, "5.6"), (9.97, "10"), (112.4, "112")]
)
def test_amounts_have_about_two_digits(value: float, text: str) -> None:
    assert markdown.amount(value) == text
