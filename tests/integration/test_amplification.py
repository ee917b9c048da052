"""No message becomes much more than it was, on SQLite and PostgreSQL. `make fuzz ROUNDS=… SEED=…` looks longer."""

import os
from collections.abc import Iterator
from heapq import nlargest
from typing import Any

import pytest

from devices.rules import documents
from devices.rules.documents import Document, Path
from devices.rules.marks import Leaf
from tests.support.fuzz.search import search
from tests.support.fuzz.shapes import Genes, render
from tests.support.fuzz.targets import all_targets, known, uplink
from tests.support.worlds.ingest_worker import Worker

ROUNDS = int(os.environ.get("CAUSEWAY_FUZZ_ROUNDS", "200"))
SEED = int(os.environ.get("CAUSEWAY_FUZZ_SEED", "1"))


@pytest.fixture
def worker(own_database: str) -> Worker:
    """On a database of its own."""
    worker = Worker()
    worker.round()
    return worker


def test_case_h1_nothing_that_is_sent_becomes_many_times_as_much(worker: Worker) -> None:
    worst = nlargest(10, search(worker, all_targets(worker), ROUNDS, SEED), key=lambda one: one.part)
    print("\n".join(map(str, worst)))
    assert worst[0].part <= 1, str(worst[0])


def test_case_h_many_new_names_at_once_cost_by_their_bytes(worker: Worker) -> None:
    """The limit of metrics was looked at anew for each of them: 0.6 s for 118 kB, in which every neighbour waits."""
    genes = Genes("names", "nan", 9_214, key_chars=1, depth=1, elements=1)
    telemetry = uplink(worker, "telemetry")
    for _ in range(2):
        came = telemetry(known(worker, "demo/names"), render(genes))
        assert came.part <= 1, str(came)


def test_the_search_finds_what_case_h1_was(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaf was kept by its JSON pointer, with the whole path."""
    apply = documents.apply

    def with_pointers(document: Document, changed: list[tuple[Path, Any]], rev: int, *, live: bool = True) -> None:
        apply(document, changed, rev, live=live)
        for leaf in (leaf for path, value in changed for leaf in leaves(value, path)):
            document.leaves["/".join(leaf)] = Leaf(rev, live)

    monkeypatch.setattr(documents, "apply", with_pointers)
    assert any(one.part > 1 for one in search(worker, [uplink(worker, "state")], 200, SEED))


def leaves(value: Any, path: Path) -> Iterator[Path]:
    """The paths of a value's leaves."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path
