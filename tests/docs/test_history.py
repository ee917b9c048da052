"""The loop of docs/http-api.md that reads all of a device's history, on pages so small that there are several."""

import json

from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.reader import Reader
from tests.support.waiting import eventually

PATH = "/api/v1/devices/demo/thermostat-001/readings"


def _with(text: str) -> Block:
    return next(block for block in blocks(ROOT / "docs" / "http-api.md") if text in block.code)


def test_it_reads_each_reading_once(reader: Reader) -> None:
    token = next(line for line in _with("TOKEN=$(").code.splitlines() if "TOKEN=$(" in line)
    reader.shell(token.removeprefix("$ "))
    reader.shell(next(line for line in _with("api() {").code.splitlines() if line.startswith("api() {")))
    eventually(lambda: len(reader.get(PATH).json()["items"]) >= 5)
    reader.shell(_with("history.jsonl").code.replace("limit=1000", "limit=2"))
    pages = [json.loads(line) for line in (reader.directory / "history.jsonl").read_text().splitlines()]
    revs = [one["rev"] for page in pages for one in page["items"]]
    assert len(pages) >= 3
    assert pages[-1]["next"] is None
    assert revs == sorted(set(revs))
    stored = [one["rev"] for one in reader.get(f"{PATH}?limit=1000").json()["items"]]
    assert revs == stored[: len(revs)]
