"""Exports over HTTP: pages that make one file, within rights, few at once."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.test import Client

from devices.models import Event, Reading
from devices.web.device import export
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/export"
T0 = 1_790_000_000_000


@pytest.fixture
def fleet(db: None) -> None:
    for key in ("demo/a", "demo/b", "home/c"):
        device = set_twin(key)
        Reading.objects.bulk_create(
            Reading(device=device, rev=n, ts=T0 + n, received_ms=T0 + n, metrics={"t": n / 3, "on": True})
            for n in range(1, 11)
        )
        Event.objects.create(device=device, rev=20, name="door", data={"open": True}, ts=T0)


@pytest.fixture
def whole(as_role: Callable[..., Client], fleet: None) -> Callable[..., tuple[bytes, list[float]]]:
    """All pages of an export, one behind the other, and how much each said there is by then."""
    client = as_role(all="viewer")

    def ask(**query: Any) -> tuple[bytes, list[float]]:
        content, progress = b"", list[float]()
        answer = client.get(URL, query)
        while True:
            assert answer.status_code == 200, answer.content
            content += answer.content
            progress.append(float(answer["Causeway-Progress"]))
            if "Link" not in answer:
                return content, progress
            address, _, rest = answer["Link"].removeprefix("<").partition(">")
            assert rest == '; rel="next"'
            answer = client.get(address)

    return ask


@pytest.mark.parametrize("name", ["csv", "ndjson"])
@pytest.mark.parametrize("kind", ["readings", "events"])
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_the_pages_make_the_file_of_the_command(
    whole: Callable[..., tuple[bytes, list[float]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, kind: str, limit: int,
) -> None:  # fmt: skip
    monkeypatch.setattr("devices.history.exports.selection.ROWS_A_PIECE", 3)
    content, progress = whole(format=name, kind=kind, limit=limit)
    call_command("export", str(tmp_path / "all"), "--format", name, "--kind", kind)
    assert content == (tmp_path / "all").read_bytes()
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert len(progress) > 1 or limit == 1000 or kind == "events"


def test_parquet_comes_at_once(whole: Callable[..., tuple[bytes, list[float]]]) -> None:
    content, progress = whole(format="parquet", metric="t")
    assert progress == [1]
    table = pq.read_table(io.BytesIO(content)).to_pylist()
    assert [(row["device"], row["number"]) for row in table[:2]] == [("demo/a", 1 / 3), ("demo/a", 2 / 3)]
    assert len(table) == 30


def test_too_much_parquet_is_refused(
    as_role: Callable[..., Client], fleet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_PARQUET_ROWS", 5)
    answer = as_role(all="viewer").get(URL, {"format": "parquet"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_filters_and_file_names(as_role: Callable[..., Client], fleet: None) -> None:
    query: dict[str, str | int] = {"device": "demo/a", "metric": "t", "since": T0 + 9, "until": T0 + 10}
    answer = as_role(all="viewer").get(URL, query | {"format": "ndjson"})
    assert json.loads(answer.content)["metrics"] == {"t": 3.0}
    assert answer["Content-Disposition"] == 'attachment; filename="causeway-readings.ndjson"'
    assert answer["Content-Type"] == "application/x-ndjson"


def test_nobody_sees_what_is_not_theirs(as_role: Callable[..., Client], fleet: None) -> None:
    client = as_role(demo="viewer")
    text = client.get(URL, {"limit": 1000}).content.decode()
    assert {line.partition(",")[0] for line in text.splitlines()[1:]} == {"demo/a", "demo/b"}
    for query in ({"device": "home/c"}, {"site": "home"}, {"site": "none"}, {"device": "demo/none"}):
        assert client.get(URL, query).status_code == 404, query
    assert client.get(URL, {"site": "demo", "device": "demo/a"}).status_code == 200
    assert as_role("nobody").get(URL).status_code == 403
    assert Client().get(URL).status_code == 401


def test_a_cursor_of_elsewhere_leads_to_nothing_that_is_not_theirs(as_role: Callable[..., Client], fleet: None) -> None:
    answer = as_role("boss", all="viewer").get(URL, {"limit": 1})
    address = answer["Link"].removeprefix("<").partition(">")[0]
    text = as_role(home="viewer").get(address + "&limit=1000").content.decode()
    assert {line.partition(",")[0] for line in text.splitlines()} == {"home/c"}


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"kind": "events", "metric": "t"}, {"since": "never"}, {"format": "xls"}, {"limit": 0}]
)
def test_nonsense_is_refused(as_role: Callable[..., Client], fleet: None, query: dict[str, Any]) -> None:
    assert as_role(all="viewer").get(URL, query).status_code == 400


def test_few_at_once(as_role: Callable[..., Client], fleet: None) -> None:
    client = as_role(all="viewer")
    with export._turn(), export._turn():
        answer = client.get(URL)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert client.get(URL).status_code == 200
