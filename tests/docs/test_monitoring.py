"""docs/monitoring.md: what its rules ask for is what /metrics has."""

import re
from typing import Any

import httpx
import pytest
import yaml

from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Demo

SCRAPING, RULES = (
    yaml.safe_load(block.code) for block in blocks(ROOT / "docs" / "monitoring.md") if block.language == "yaml"
)
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
PROMETHEUS = {"up"}
FUNCTIONS = {"increase", "sum", "without", "ignoring", "presence"}


@pytest.fixture(scope="module")
def exposed(demo: Demo) -> dict[str, set[str]]:
    """Metric → the names of its labels; of those that have had no value yet, none."""
    text = httpx.get(f"{demo.url}/metrics", trust_env=False).raise_for_status().text
    found: dict[str, set[str]] = {name: set() for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)}
    for name, labels in re.findall(r"^(\w+)(\{.*\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


def test_the_rules_are_read_and_of_the_job_that_is_scraped() -> None:
    (job,) = SCRAPING["scrape_configs"]
    assert job["job_name"] == "causeway"
    assert SCRAPING["rule_files"] == ["causeway.rules.yml"]
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    jobs = re.findall(r'job="(\w+)"', " ".join(rule["expr"] for rule in ALERTS))
    assert set(jobs) == {job["job_name"]}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_rule_asks_for_metrics_and_labels_that_there_are(
    rule: dict[str, Any], exposed: dict[str, set[str]]
) -> None:
    assert set(rule) <= {"alert", "expr", "for", "annotations"}
    assert re.fullmatch(r"[1-9]\d*[smh]", rule.get("for", "1m"))
    expression = re.sub(r'"[^"]*"', '""', rule["expr"])
    selectors = re.findall(r"(\w+)\{([^}]*)\}", expression)
    for metric, labels in selectors:
        assert metric in PROMETHEUS or set(re.findall(r"(\w+)=", labels)) <= exposed[metric], metric
    words = set(re.findall(r"[a-z_]\w*", re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", expression)))
    assert words - FUNCTIONS - PROMETHEUS <= exposed.keys()
    mentioned = re.findall(r"\$labels\.(\w+)", str(rule.get("annotations")))
    assert all(any(label in exposed[metric] for metric in words & exposed.keys()) for label in mentioned)


def test_every_figure_that_the_pages_name_is_exposed(exposed: dict[str, set[str]]) -> None:
    pages = "".join((ROOT / "docs" / name).read_text() for name in ("monitoring.md", "http-api.md", "mqtt.md"))
    named = set(re.findall(r"`(causeway_\w+)(?:\{[\w,]+\})?`", pages))
    assert len(named) > 10
    assert not named - exposed.keys()
