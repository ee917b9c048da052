"""What the documentation points to exists, and the settings it lists are the settings there are."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

import causeway
from bench.report import document
from bridge.dialects.native.topics import TopicReason
from bridge.dialects.registry import UNCLAIMED
from bridge.observations import NoteReason, PayloadReason
from devices.rules.capabilities import ROLES, Capability
from scripts import draw_house

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("mosquitto/*.md")])
SOURCES = ("bench", "bridge", "causeway_client", "config", "devices", "docs", "mqtt_gateway", "runtime", "tests")
READERS = ("text", "boolean", "integer", "choice", "parsed", "added_apps", "names", "origins", "writable_file")
INTERNAL = {"CAUSEWAY_SINGLE_PROCESS"}  # the demo's own


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in targets if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    code = "".join(
        (ROOT / "config" / name).read_text() for name in ("settings.py", "environment.py", "service_urls.py")
    )
    read = (
        set(
            re.findall(
                r'(?:text|boolean|integer|choice|parsed|names|writable_file|allowed_hosts|origins|path_prefix|trusted_proxies|allowed_networks|behind_tls_proxy|added_apps)\(\s*"([A-Z_]+)"',
                code,
            )
        )
        - INTERNAL
    )
    table = (ROOT / "docs" / "configuration.md").read_text()
    rows = [line.split("|")[1:] for line in table.splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row[0])}
    mentioned = {name for row in rows for name in re.findall(r"`([A-Z]+_[A-Z_]+)`", row[2])}
    assert read <= documented | mentioned
    assert documented <= read


def test_the_page_of_the_live_stream_names_each_of_its_files() -> None:
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "live.md").read_text()))
    files = {path.stem for path in (ROOT / "devices" / "web" / "live").rglob("*.py")} - {"__init__"}
    assert not files - named


def test_every_reason_is_documented() -> None:
    page = (ROOT / "docs" / "mqtt.md").read_text()
    reasons = {*get_args(PayloadReason), *get_args(NoteReason), *get_args(TopicReason), UNCLAIMED}
    assert not {reason for reason in reasons if f"`{reason}`" not in page}


def test_the_table_of_capabilities_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "access.md").read_text()
    roles = tuple(re.findall(r"\w+", re.findall(r"^\| capability \|(.*)\|", page, re.MULTILINE)[0]))[:-1]
    rows = [line.split("|")[1:] for line in page.splitlines() if re.match(r"\| `\w+\.\w+` \|", line)]
    told = {row[0].strip(" `"): [mark.strip() == "yes" for mark in row[1 : len(roles) + 1]] for row in rows}
    assert roles == tuple(ROLES)
    assert told == {one: [one in ROLES[role] for role in roles] for one in get_args(Capability)}


def extending() -> str:
    """What is said to those who write apps: README.md, reference.md, channels.md, handlers.md and those beside them."""
    return "".join(page.read_text() for page in sorted((ROOT / "docs" / "extending").glob("*.md")))


def test_the_example_of_an_app_is_the_apps_code() -> None:
    page = extending()
    examples = re.findall(r"^`([\w/.]+)`:\n\n<!-- [^\n]* -->\n```\w+\n(.*?)```$", page, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in examples} >= {"plants/apps.py", "plants/pages.py", "settings.py", "members/settings.py"}
    for name, code in examples:
        assert code in (ROOT / "tests" / "apps" / name).read_text(), name
    sources = [path.read_text() for path in (ROOT / "tests" / "apps").rglob("*.*") if path.suffix in (".py", ".js")]
    shown = re.findall(r"^<!-- run by: tests/test_docs.py -->\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert not [code for code in shown if not any(code in text for text in sources)]


def test_what_the_public_face_has_is_documented() -> None:
    page = extending()
    assert not [name for name in causeway.__all__ if f"`{name}`" not in page]


def test_the_performance_page_is_what_its_data_gives() -> None:
    made = performance()
    kept = {name: (ROOT / "docs" / name).read_text() for name in made if (ROOT / "docs" / name).exists()}
    assert kept == made, "make it again: python -m bench.report.document docs/performance.json"
    linked = "(docs/performance.md)" in (ROOT / "README.md").read_text()
    assert linked == (ROOT / "docs" / "performance.md").exists() == (ROOT / "docs" / "performance.json").exists()


def performance() -> dict[str, str]:
    """The page below docs/, by the data there."""
    data = ROOT / "docs" / "performance.json"
    if not data.exists():
        return {}
    results = json.loads(data.read_text())
    return {"performance.md": document.page(results)}


def test_each_decision_has_a_number_of_its_own() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [path.stem[:4] for path in decisions]
    assert len(numbers) == len(set(numbers)), numbers
    assert [int(re.findall(r"^# (\d+)\.", path.read_text())[0]) for path in decisions] == [int(one) for one in numbers]


def test_every_decision_named_in_code_or_docs_exists() -> None:
    known = {path.stem for path in (ROOT / "docs" / "decisions").glob("*.md")}
    sources = [
        path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".js")
    ]
    named = {
        (path.relative_to(ROOT).as_posix(), slug)
        for path in [*sources, *ROOT.glob("*.md"), *ROOT.glob("*.toml")]
        for slug in re.findall(r"decisions/(\d{4}[\w-]*)", path.read_text())
    }
    assert named
    assert not sorted((name, slug) for name, slug in named if slug not in known)


def test_the_picture_of_the_house_is_what_the_imports_give() -> None:
    assert draw_house.PICTURE.read_text() == draw_house.picture(), "make it again: python -m scripts.draw_house"
