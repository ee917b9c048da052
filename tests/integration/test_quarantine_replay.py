"""Quarantined messages are listed as they came and carried out once more, once, on both databases."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpx
import pytest

from tests.support.waiting import eventually
from tests.support.worlds.history import count, execute, query
from tests.support.worlds.system import Factory, System

DEVICE = "demo/lamp"


def quarantined(system: System, api: Any, suffix: str, payload: bytes) -> dict[str, Any]:
    """Publish something wrong; its entry."""
    before = count(system, "quarantined")
    system.publish(f"devices/{DEVICE}/{suffix}", payload)
    eventually(lambda: count(system, "quarantined") == before + 1, what="it is quarantined")
    entry: dict[str, Any] = api("GET", "/quarantine").json()["items"][0]
    return entry


def put_right(system: System, entry: dict[str, Any], payload: str) -> None:
    """As if the codec had been mended: what was stored is right by now."""
    as_bytes = f"X'{payload.encode().hex()}'" if "sqlite" in system.settings["DATABASE_URL"] else f"'{payload}'::bytea"
    execute(system, f"UPDATE devices_quarantined SET payload = {as_bytes} WHERE id = {entry['id']}")


def balanced(ledger: dict[str, int]) -> bool:
    names = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")
    return ledger["received"] == sum(ledger[name] for name in names)


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_a_message_is_replayed_with_its_time_once_and_counted(
    causeway: Factory, database: Literal["postgres", "sqlite"]
) -> None:
    system = causeway(database=database, workers=1)
    api = system.api(role="operator")
    entry = quarantined(system, api, "telemetry", b'{"t": 20,}')
    assert (entry["topic"], entry["payload"], entry["reason"]) == (
        f"devices/{DEVICE}/telemetry",
        '{"t": 20,}',
        "bad_json",
    )
    system.publish(f"devices/{DEVICE}/telemetry", {"t": 30})
    eventually(lambda: api("GET", f"/devices/{DEVICE}").json()["metrics"])
    still = api("POST", f"/quarantine/{entry['id']}/replay").json()
    assert (still["outcome"], still["reason"], still["entry"]["id"]) == ("quarantined", "bad_json", entry["id"])

    put_right(system, entry, '{"t": 20, "h": 40}')
    device = api("GET", f"/devices/{DEVICE}").json()
    eventually(lambda: balanced(api("GET", "/ledger").json()), what="the ledger is balanced")
    before = api("GET", "/ledger").json()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api("POST", f"/quarantine/{entry['id']}/replay"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[404] * 7]
    [applied] = [answer.json() for answer in answers if answer.status_code == 200]
    assert applied == {"outcome": "applied", "reason": "", "detail": ""}
    after = api("GET", "/ledger").json()
    assert balanced(after)
    assert (after["received"] - before["received"], after["applied"] - before["applied"]) == (1, 1)

    twin = api("GET", f"/devices/{DEVICE}").json()
    assert {name: metric["value"] for name, metric in twin["metrics"].items()} == {"t": 30, "h": 40}
    assert (twin["presence"], twin["last_seen_at"]) == (device["presence"], device["last_seen_at"])
    readings = api("GET", f"/devices/{DEVICE}/readings").json()["items"]
    assert [reading["metrics"] for reading in readings] == [{"t": 30}, {"t": 20, "h": 40}]
    assert readings[1]["received_at"] == entry["received_at"]
    assert api("GET", "/quarantine").json()["items"] == []


def test_without_a_worker_nothing_is_replayed_now_or_later(causeway: Factory) -> None:
    system = causeway(workers=1)
    api = system.api(role="operator")
    entry = quarantined(system, api, "state", b"{")
    put_right(system, entry, '{"led": true}')
    system.workers[0].kill()
    begun_s = time.monotonic()
    answer: httpx.Response = api("POST", f"/quarantine/{entry['id']}/replay")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert time.monotonic() - begun_s < 10
    system.workers[0].start()
    system.wait_ready()
    assert query(system, "SELECT status FROM devices_request") == [("withdrawn",)]
    assert api("GET", f"/devices/{DEVICE}").json()["reported"] == {}
    assert api("POST", f"/quarantine/{entry['id']}/replay").json()["outcome"] == "applied"
    assert api("GET", f"/devices/{DEVICE}").json()["reported"] == {"led": True}
