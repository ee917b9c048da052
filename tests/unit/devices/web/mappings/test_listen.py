"""Hearing what else is on the broker, over HTTP; the gateway's part is played here."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bridge.dialects.mapping.rules import rule_of
from bridge.gateway_status import HeardNews, HeardTopic
from devices.listenings import record, take
from devices.models import Heard, Listening, Mapping
from devices.web.mappings.store import as_json

URL = "/api/v1/listen"


def heard(topic: str, payload: bytes, count: int = 1, **whose: str) -> HeardTopic:
    taken = {"dialect": "", "source": "", "reason": ""} | whose
    fixed = {"size": 9_000, "retained": False, "last_ms": 1_790_000_000_000}
    return HeardTopic(topic=topic, count=count, payload=payload, **fixed, **taken)  # type: ignore[arg-type]


def post(client: Client, body: dict[str, Any]) -> Any:
    return client.post(URL, body, content_type="application/json")


def test_what_a_gateway_heard_is_shown_with_whose_it_is(as_role: Callable[..., Client]) -> None:
    admin = as_role(**{"*": "admin"})
    answer = post(admin, {"filter": "weather/#", "minutes": 5})
    assert answer.status_code == 202
    started = answer.json()
    assert (started["filter"], started["status"], started["items"]) == ("weather/#", "waiting", [])
    (asked,) = take("g", (), 2)
    assert (asked.number, asked.filters, asked.source) == (started["id"], ("weather/#",), "")
    assert take("other", (), 2) == [], "one gateway has it"
    assert len(take("g", (), 2)) == 1, "and takes it up again when it begins anew"
    assert take("g", (asked.number,), 2) == []
    topics = (
        heard("weather/out/t", b"21,5", reason="foreign_root"),
        heard("weather/a", b"\xff", dialect="tasmota", source="home/tasmota"),
    )
    record(HeardNews(number=asked.number, status="listening", topics=topics, messages=2))
    more = (heard("weather/out/t", b"22", 3, reason="foreign_root"),)
    again = HeardNews(number=asked.number, status="ended", topics=more, messages=4, more=1)
    record(again)
    shown = (admin.get(f"{URL}/{asked.number}")).json()
    assert (shown["status"], shown["messages"], shown["more"], shown["limited"]) == ("ended", 4, 1, False)
    assert shown["items"] == [
        {
            "topic": "weather/a", "count": 1, "payload": "/w==", "encoding": "base64", "payload_bytes": 9000,
            "retained": False, "last_at": "2026-09-21T14:13:20.000Z", "dialect": "tasmota", "source": "home/tasmota",
            "reason": None,
        },
        {
            "topic": "weather/out/t", "count": 3, "payload": "22", "encoding": "utf-8", "payload_bytes": 9000,
            "retained": False, "last_at": "2026-09-21T14:13:20.000Z", "dialect": None, "source": None,
            "reason": "foreign_root",
        },
    ]  # fmt: skip


def test_who_takes_by_now_what_nobody_took_is_said(as_role: Callable[..., Client]) -> None:
    admin = as_role(**{"*": "admin"})
    number = post(admin, {"filter": "#"}).json()["id"]
    topics = (heard("weather/out/t", b"1", reason="foreign_root"), heard("x", b"1", reason="foreign_root"))
    record(HeardNews(number=number, status="ended", topics=topics, messages=2))
    rule = {"site": "home", "pattern": "weather/{device}/{metric}", "payload": "number"}
    Mapping.objects.create(rule=as_json(rule_of(rule)), changed_ms=1)
    shown = admin.get(f"{URL}/{number}").json()["items"]
    assert [(one["topic"], one["dialect"], one["source"], one["reason"]) for one in shown] == [
        ("weather/out/t", "mapping", "home/out", None), ("x", None, None, "foreign_root"),
    ]  # fmt: skip


def test_two_at_a_time_and_the_newest_ten_are_kept(as_role: Callable[..., Client]) -> None:
    admin = as_role(**{"*": "admin"})
    numbers = []
    for _ in range(12):
        numbers.append((post(admin, {"filter": "#"})).json()["id"])
        ended = HeardNews(number=numbers[-1], status="ended", topics=(heard("a", b""),))
        record(ended)
    assert list(Listening.objects.order_by("pk").values_list("pk", flat=True)) == numbers[2:]

    assert Heard.objects.count() == 10
    assert (post(admin, {"filter": "#"})).status_code == 202
    assert (post(admin, {"filter": "#"})).status_code == 202
    refused = post(admin, {"filter": "#"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (admin.get(f"{URL}/{numbers[0]}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"filter": ""}, {"filter": "a/#/b"}, {"filter": "$SYS/#"}, {"filter": "a\0"}, {"filter": "a", "minutes": 11},
     {"filter": "a", "minutes": 0}, {"filter": "a", "minutes": "5"}, {"filter": "x" * 501}],
)  # fmt: skip
def test_what_is_refused(as_role: Callable[..., Client], body: dict[str, Any]) -> None:
    answer = post(as_role(**{"*": "admin"}), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert not Listening.objects.exists()


def test_only_admins_of_all_sites_hear(as_role: Callable[..., Client]) -> None:
    for client in (as_role("one", demo="admin"), as_role("two", **{"*": "operator"})):
        assert client.post(URL, {"filter": "a"}, content_type="application/json").status_code == 403
        assert client.get(f"{URL}/1").status_code == 403
    assert Client().get(f"{URL}/1").status_code == 401


def test_one_that_no_gateway_took_up_says_so_when_its_time_is_over(as_role: Callable[..., Client]) -> None:
    row = Listening.objects.create(topic_filter="a", asked_by="user:x", asked_ms=1, until_ms=2)
    shown = as_role(**{"*": "admin"}).get(f"{URL}/{row.pk}").json()
    assert (shown["status"], shown["reason"]) == ("ended", "no gateway took it up")
