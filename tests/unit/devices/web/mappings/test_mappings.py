"""Mappings over HTTP: made, changed, tried, by admins of all sites; and from a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from devices.models import Mapping, Rejected
from devices.source_filters import mappings, stamp
from devices.web.mappings import store
from runtime.database_clock import unix_ms

JSON = "application/json"
URL = "/api/v1/mappings"
RULE = {
    "site": "home", "pattern": "weather/{device}/{metric}", "payload": "number", "unit": "°C", "scale": 0.1,
    "decimal": ",",
}  # fmt: skip


@pytest.fixture
def admin(as_role: Callable[..., Client]) -> Client:
    return as_role("ann", all="admin")


def made(client: Client, **rule: Any) -> Any:
    return client.post(URL, {**RULE, **rule}, JSON)


def test_a_mapping_is_made_changed_and_deleted(admin: Client) -> None:
    before = stamp()
    answer = made(admin)
    assert answer.status_code == 201, answer.content
    one = answer.json()
    assert {name: one[name] for name in RULE} == RULE
    assert (one["enabled"], one["fields"], one["words"]) == (True, [], {})
    assert admin.get(URL).json()["items"] == [one]
    assert [rule.unit for rule in mappings()] == ["°C"]
    changed = admin.put(f"{URL}/{one['id']}", {**RULE, "unit": "K"}, JSON)
    assert (changed.status_code, changed.json()["unit"]) == (200, "K")
    assert admin.get(f"{URL}/{one['id']}").json() == changed.json()
    after = stamp()
    assert admin.delete(f"{URL}/{one['id']}").status_code == 204
    assert len({before, after, stamp()}) == 3 or stamp() == before
    assert mappings() == ()
    assert admin.get(f"{URL}/{one['id']}").status_code == 404


def test_each_change_can_be_seen(admin: Client) -> None:
    one = made(admin).json()["id"]
    stamps = [stamp()]
    for unit in ("a", "b", "c"):
        admin.put(f"{URL}/{one}", {**RULE, "unit": unit}, JSON)
        stamps.append(stamp())
    assert len(set(stamps)) == 4


@pytest.mark.parametrize("roles", [{"all": "operator"}, {"demo": "admin"}])
def test_others_may_not(as_role: Callable[..., Client], roles: dict[str, str]) -> None:
    client = as_role("bob", **roles)
    assert made(client).status_code == 403
    assert client.get(URL).status_code == 403
    assert client.post(f"{URL}/preview", {"mapping": RULE}, JSON).status_code == 403
    assert not Mapping.objects.exists()


@pytest.mark.parametrize(
    ("rule", "status", "says"),
    [
        ({"pattern": "$SYS/{device}/{metric}"}, 400, "the broker's"),
        ({"pattern": "devices/{device}/{metric}"}, 409, "causeway"),
        ({"pattern": "+/{device}/{metric}"}, 400, "first level"),
        ({"payload": "xml"}, 400, "Input should be"),
        ({"colour": "red"}, 400, "colour"),
        ({"decimal": ";"}, 400, "decimal"),
        ({"payload": "csv"}, 400, "fields"),
    ],
)
def test_a_rule_that_can_not_be_says_why(admin: Client, rule: dict[str, Any], status: int, says: str) -> None:
    answer = made(admin, **rule)
    assert answer.status_code == status, answer.content
    assert says in answer.content.decode()


def test_two_mappings_have_no_topics_in_common_shape(admin: Client) -> None:
    made(admin)
    assert made(admin, pattern="weather/{metric}/{device}").status_code == 409


def test_there_are_not_too_many(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST", 1)
    assert made(admin).status_code == 201
    assert made(admin, pattern="a/{device}/{metric}").status_code == 409


def test_a_preview_of_messages_that_are_sent(admin: Client) -> None:
    messages = [
        {"topic": "weather/roof/t", "payload": "215"},
        {"topic": "weather/roof/h", "payload": "P/8=", "encoding": "base64"},
        {"topic": "other/roof/t", "payload": "1"},
    ]
    answer = admin.post(f"{URL}/preview", {"mapping": RULE, "messages": messages}, JSON)
    assert answer.json()["items"] == [
        {"topic": "weather/roof/t", "device": "home/roof", "metrics": {"t": 21.5}},
        {"topic": "weather/roof/h", "device": "home/roof", "reason": "bad_utf8", "detail": "byte 1"},
    ]
    bad = admin.post(f"{URL}/preview", {"mapping": RULE, "messages": [{**messages[1], "payload": "!"}]}, JSON)
    assert bad.status_code == 400


def test_a_preview_of_what_was_heard_and_nobody_took(admin: Client) -> None:
    now_ms = unix_ms()
    sample = {"writer": "0", "topic": "weather/roof/t", "reason": "foreign_root", "payload": b"99"}
    Rejected.objects.create(**sample, count=2, first_ms=now_ms, last_ms=now_ms)
    answer = admin.post(f"{URL}/preview", {"mapping": RULE}, JSON)
    assert answer.json()["items"] == [{"topic": "weather/roof/t", "device": "home/roof", "metrics": {"t": 9.9}}]


def test_a_file_is_loaded_whole_or_not_at_all(admin: Client, tmp_path: Path) -> None:
    made(admin)
    made(admin, pattern="old/{device}/{metric}")
    file = tmp_path / "mappings.json"
    file.write_text(json.dumps([{**RULE, "unit": "K"}, {**RULE, "pattern": "new/{device}/{metric}"}]))
    call_command("load_mappings", str(file), "--replace")
    assert [(rule.pattern, rule.unit) for rule in mappings()] == [
        ("weather/{device}/{metric}", "K"),
        ("new/{device}/{metric}", "°C"),
    ]
    file.write_text(json.dumps([{**RULE, "unit": "F"}, {**RULE, "pattern": "#"}]))
    with pytest.raises(CommandError, match="rule 2: pattern"):
        call_command("load_mappings", str(file))
    assert [rule.unit for rule in mappings()] == ["K", "°C"]


def test_a_rule_of_another_release_is_left_out(db: None) -> None:
    Mapping.objects.create(rule={**RULE, "colour": 1}, changed_ms=1, created_by="x")
    assert mappings() == ()
