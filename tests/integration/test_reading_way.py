"""The files that a reading passes are those of docs/architecture.md, in that order, and few."""

import re
from pathlib import Path

from tests.support.environment import ROOT
from tests.support.traces.reading_way import reading_way

MOST_FILES = 40


def test_a_reading_passes_the_files_that_the_docs_list(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    listed = re.findall(r"^\| (\d+) \| `([\w/]+\.py)` \|", text, re.MULTILINE)
    assert [int(place) for place, _ in listed] == list(range(1, len(listed) + 1))
    assert reading_way(tmp_path) == [file for _, file in listed]
    assert len(listed) <= MOST_FILES
