"""What pages report, and what they are told of their version."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from structlog.testing import capture_logs

from devices.web.people import reports
from devices.web.people.throttle import Throttle

JSON = "application/json"
URL = "/api/v1/client-errors"
AsRole = Callable[..., Client]


@pytest.fixture(autouse=True)
def unspent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_throttle", Throttle(burst=2, every_s=1_000, all_burst=100))


def report(client: Client, **more: Any) -> Any:
    return client.post(URL, {"message": "it broke", **more}, JSON, headers={"User-Agent": "Browser/1"})


def test_an_error_stands_in_the_log_with_who_saw_it(as_role: AsRole) -> None:
    with capture_logs() as lines:
        assert (
            report(as_role("ann", demo="viewer"), panel="Chart", stack="at x\nat y", page="device").status_code == 204
        )
    (line,) = lines
    assert line["log_level"] == "warning"
    assert (line["user"], line["error"], line["panel"], line["page"]) == ("ann", "it broke", "Chart", "device")
    assert (line["stack"], line["browser"]) == ("at x\nat y", "Browser/1")


def test_long_and_odd_texts_are_cut_and_made_plain(as_role: AsRole) -> None:
    with capture_logs() as lines:
        assert report(as_role(demo="viewer"), message="\x1b[2J" + "x" * 9_999, stack="y" * 99_999).status_code == 204
    assert lines[0]["error"] == "\N{REPLACEMENT CHARACTER}[2J" + "x" * 996
    assert len(lines[0]["stack"]) == 4_000


def test_each_session_may_report_only_so_much(as_role: AsRole) -> None:
    ann, bob = as_role("ann", demo="viewer"), as_role("bob", demo="viewer")
    with capture_logs() as lines:
        assert [report(ann).status_code for _ in range(3)] == [204, 204, 429]
        assert report(bob).status_code == 204
    assert len(lines) == 3


@pytest.mark.django_db
def test_strangers_report_nothing() -> None:
    with capture_logs() as lines:
        assert report(Client()).status_code == 401
    assert [line for line in lines if line["event"] == "a page reported an error"] == []


def test_every_answer_says_which_version_of_the_pages_there_is(as_role: AsRole) -> None:
    client = as_role(demo="viewer")
    answer = client.get("/api/v1/version")
    assert len(answer.json()["version"]) == 12
    assert answer["Causeway-Version"] == answer.json()["version"]
    assert client.get("/api/v1/devices")["Causeway-Version"] == answer.json()["version"]
    assert client.get("/api/v1/nothing")["Causeway-Version"] == answer.json()["version"]
