"""The words of the pages are the field's, and those that are Causeway's own lead to the glossary."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "mosquitto" / "README.md"]
HOUSE_WORDS = re.compile(r"\bours\b|\bnobody's\b|\ba hole\b|\bcoming in\b|\bwho has which shard\b", re.IGNORECASE)
EXPLAINED = re.compile(r"\b(?:shards?|leases?|twins?)\b", re.IGNORECASE)
EXPLAINERS = {"glossary.md", "private-apis.md"}  # the second is a list of other libraries' names
OPENS_PLAINLY = ("ingest.md", "gateway.md", "performance.md", "overload.md")


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_no_house_words(page: Path) -> None:
    assert not HOUSE_WORDS.findall(page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_shards_leases_and_twins_lead_to_the_glossary(page: Path) -> None:
    prose = re.sub(r"`[^`]*`", "", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    used = {word.lower().rstrip("s") for word in EXPLAINED.findall(re.sub(r"^#.*$", "", prose, flags=re.MULTILINE))}
    linked = " ".join(re.findall(r"\[([^]]*)\]\([^)]*glossary\.md\)", prose)).lower()
    assert page.name in EXPLAINERS or not {word for word in used if word not in linked}


@pytest.mark.parametrize("name", OPENS_PLAINLY)
def test_a_long_page_begins_with_a_plain_paragraph_and_its_main_table(name: str) -> None:
    first = (ROOT / "docs" / name).read_text().split("\n\n")[1:4]
    assert not first[0].startswith(("|", "#", "```", "<!--"))
    assert name == "overload.md" or any(part.startswith("|") for part in first)
