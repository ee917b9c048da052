"""The order in which rounds are run, what is started and ended when, and what becomes of one that fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.drive import running
from bench.installations.installation import Candidate, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, Usage
from bench.report import document
from bench.scenarios import Scenario


class Story:
    """What happened, in order; candidates and scenarios that write it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def candidate(self, name: str, *, full_only: bool = False) -> Candidate:
        @contextmanager
        def start(directory: Path, name: str) -> Iterator[Installation]:
            assert directory.is_dir()
            self.lines.append(f"+{name}")
            yield Installation(name=name, mqtt_port=0, endpoint=None, processes={})
            self.lines.append(f"-{name}")

        return Candidate(name, start, full_only)

    def measure(self, scenario: str, installation: Installation, effort: Effort) -> Measured:
        self.lines.append(f"{scenario} {installation.name}")
        if installation.name == "broken":
            raise AssertionError("it broke")
        return Measured({"per_s": 1200.0, "lost": 0}, {"web": Usage(1.5, 90.0)})

    def scenario(self, name: str, *on: Candidate, **fields: Any) -> Scenario:
        measure = partial(self.measure, name)
        return Scenario(
            name=name, title=name, what=f"what {name} is", measure=measure, on=on, figures=("per_s",), **fields
        )


@pytest.fixture
def story() -> Story:
    return Story()


def run(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    plan: list[Scenario],
    *,
    full: bool = False,
    rounds: int | None = None,
) -> dict[str, Any]:
    monkeypatch.setattr(running, "scenarios", lambda only, *, full: plan)
    results = running.run(full=full, rounds=rounds, output=directory)
    assert json.loads((directory / "results.json").read_text()) == results
    return results


def test_rounds_alternate_and_nobody_runs_longer_than_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    ours, a, b = (story.candidate(name) for name in ("Causeway", "a", "b"))
    run(monkeypatch, tmp_path, [story.scenario("one", ours, a), story.scenario("two", ours, b)], rounds=2)
    assert story.lines == [
        "+Causeway", "+a", "one Causeway", "one a", "one a", "one Causeway",
        "-a", "+b", "two Causeway", "two b", "two b", "two Causeway", *story.lines[-2:],
    ]  # fmt: skip
    assert sorted(story.lines[-2:]) == ["-Causeway", "-b"]


def test_one_that_fails_is_left_out_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    plan = [story.scenario("one", story.candidate("Causeway"), story.candidate("broken"), rounds=(3, 3))]
    found = run(monkeypatch, tmp_path, plan)["scenarios"]["one"]
    assert found["failed"] == {"broken": "it broke"}
    assert list(found["installations"]) == ["Causeway"]
    assert story.lines.count("one broken") == 1
    assert story.lines.count("one Causeway") == 3
    assert story.lines.count("-broken") == 1


def test_asked_for_rounds_are_a_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story) -> None:
    ours = story.candidate("Causeway")
    plan = [story.scenario("short", ours, rounds=(1, 1)), story.scenario("long", ours, rounds=(3, 3))]
    run(monkeypatch, tmp_path, plan, rounds=2)
    assert [story.lines.count(f"{name} Causeway") for name in ("short", "long")] == [1, 2]


def test_one_that_fails_is_started_anew_for_the_next_scenario(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    on = (story.candidate("Causeway"), story.candidate("broken"))
    run(monkeypatch, tmp_path, [story.scenario("one", *on), story.scenario("two", *on)], rounds=1)
    told = [line for line in story.lines if "broken" in line]
    assert told == ["+broken", "one broken", "-broken", "+broken", "two broken", "-broken"]


def test_the_quick_run_leaves_out_installations_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    plan = [story.scenario("one", story.candidate("Causeway"), story.candidate("slow", full_only=True), rounds=(1, 1))]
    assert list(run(monkeypatch, tmp_path, plan)["scenarios"]["one"]["installations"]) == ["Causeway"]
    assert list(run(monkeypatch, tmp_path, plan, full=True)["scenarios"]["one"]["installations"]) == [
        "Causeway",
        "slow",
    ]


def test_a_run_may_be_of_some_installations_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story) -> None:
    plan = [story.scenario("one", story.candidate("Causeway"), story.candidate("peer"))]
    monkeypatch.setattr(running, "scenarios", lambda only, *, full: plan)
    found = running.run(full=False, on=("peer",), rounds=1, output=tmp_path)
    assert list(found["scenarios"]["one"]["installations"]) == ["peer"]
    assert story.lines == ["+peer", "one peer", "-peer"]


def test_two_checkouts_alternate_without_the_others_and_without_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    ours, peer = story.candidate("Causeway"), story.candidate("peer")
    plan = [story.scenario("one", ours, peer, limits=(Limit("per_s", "≤", 1),)), story.scenario("alone", peer)]
    monkeypatch.setattr(running, "scenarios", lambda only: plan)
    found = running.compare(tmp_path / "base", only=(), rounds=2, output=tmp_path)["scenarios"]
    assert list(found) == ["one"]
    assert found["one"]["limits"] == []
    assert found["one"]["installations"]["Causeway (base)"]["ratio"]["per_s"]["median"] == 1
    here, there = "one Causeway", "one Causeway (base)"
    assert story.lines[:6] == ["+Causeway", "+Causeway (base)", here, there, there, here]


def test_everything_ends_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story) -> None:
    def interrupted(installation: Installation, effort: Effort) -> Measured:
        raise KeyboardInterrupt

    plan = [Scenario(name="x", title="", what="", measure=interrupted, on=(story.candidate("Causeway"),), figures=())]
    monkeypatch.setattr(running, "scenarios", lambda only, *, full: plan)
    with pytest.raises(KeyboardInterrupt):
        running.run(full=False, output=tmp_path)
    assert story.lines == ["+Causeway", "-Causeway"]


def test_a_table_tells_figures_usage_ratios_failures_and_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
) -> None:
    limits = (
        Limit("per_s", "≥", 1000, text="at least 1,000"),
        Limit("per_s", "≤", 1, text="at most 1"),
        Limit("absent", "≤", 1),
    )
    on = tuple(story.candidate(name) for name in ("Causeway", "peer", "broken"))
    found = run(monkeypatch, tmp_path, [story.scenario("one", *on, limits=limits)], rounds=1)
    text = document.page(found, document.SUMMARY)
    assert "- `one`: what one is (one round)." in text
    assert "- broken failed at `one`: it broke." in text
    for line in ("|  | Causeway | peer |", "| one: per, s | 1,200 | 1,200, **1×** |", "| one | 90 |"):
        assert line in text.splitlines()
    assert "| one | at least 1,000 | 1,200 | ≥ 1,000 | held |" in text
    assert "| one | at most 1 | 1,200 | ≤ 1 | **not held** |" in text
    assert "| one |  |  | ≤ 1 | not measured |" in text
