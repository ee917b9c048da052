"""The main job on real parts: MQTT → database → REST and WebSocket; a command to the device and its answer back."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.clients.live import Frame
from tests.support.waiting import eventually
from tests.support.worlds.system import Role, System

ADMIN: tuple[str, Role, None] = ("admin", "admin", None)
DEPTH = 10_000


@pytest.fixture
def site() -> str:
    """A site of the test's own."""
    return f"site-{secrets.token_hex(3)}"


@pytest.fixture
def api(shared_system: System) -> Callable[..., httpx.Response]:
    """Asks as the administrator of all sites."""
    return shared_system.api(*ADMIN)


def item_of(frame: Frame, device: str) -> Any:
    """The delta item of a device in a frame, or None."""
    if frame["type"] != "delta":
        return None
    return next((item for item in frame["items"] if item["device"] == device), None)


def ledger(system: System) -> dict[str, Any]:
    """The account as a viewer of everything sees it."""
    answer: dict[str, Any] = system.api(*ADMIN)("GET", "/ledger").json()
    return answer


def settled_ledger(system: System) -> dict[str, Any]:
    """The account when nothing is in flight; it must balance."""

    def balanced() -> dict[str, Any] | None:
        account = ledger(system)
        parts = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")
        whole = account["received"] == sum(account[part] for part in parts)
        return account if whole and account["in_flight"] == 0 else None

    found = eventually(balanced, 15, what="the ledger balances with nothing in flight")
    assert found is not None
    return found


def test_every_suffix_ends_in_the_database_the_api_and_a_delta(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    system, key = shared_system, f"{site}/pump"
    system.publish(f"devices/{key}/status", "online", retain=True)
    eventually(lambda: api("GET", f"/devices/{key}").status_code == httpx.codes.OK)
    socket = system.ws(*ADMIN)
    reply = socket.request("subscribe", site=site, devices={})
    assert reply["type"] == "ok"
    assert reply["refused"] == []
    snapshot = socket.until_type("snapshot")
    assert [device["device"] for device in snapshot["devices"]] == [key]
    assert snapshot["devices"][0]["presence"]["status"] == "online"
    assert snapshot["devices"][0]["presence"]["why"] == "birth"

    system.publish(f"devices/{key}/telemetry", {"flow": 1.5, "motor": {"rpm": 900}})
    item = item_of(socket.until(lambda frame: item_of(frame, key)), key)
    assert item["prev"] == snapshot["devices"][0]["rev"]
    assert item["readings"][-1]["metrics"] == {"flow": 1.5, "motor.rpm": 900}

    system.publish(f"devices/{key}/telemetry/label", "plain text")
    item = item_of(socket.until(lambda frame: item_of(frame, key)), key)
    assert item["readings"][0]["metrics"] == {"label": "plain text"}

    system.publish(f"devices/{key}/state", {"firmware": "1.0", "led": {"on": False}})
    item = item_of(socket.until(lambda frame: item_of(frame, key)), key)
    assert item["reported"] == {"firmware": "1.0", "led": {"on": False}}

    system.publish(f"devices/{key}/event/button", {"presses": 2})
    event = socket.until_type("event")
    assert (event["device"], event["name"], event["data"]) == (key, "button", {"presses": 2})
    assert event["rev"] == item["rev"] + 1

    system.publish(f"devices/{key}/status", {"status": "offline"}, retain=True)
    item = item_of(socket.until(lambda frame: item_of(frame, key)), key)
    assert item["prev"] == event["rev"]
    assert (item["presence"]["status"], item["presence"]["why"]) == ("offline", "will")

    device = api("GET", f"/devices/{key}").json()
    assert device["rev"] == item["rev"]
    assert device["metrics"]["motor.rpm"]["value"] == 900
    assert device["reported"] == {"firmware": "1.0", "led": {"on": False}}
    readings = api("GET", f"/devices/{key}/readings").json()["items"]
    assert [reading["metrics"] for reading in readings] == [
        {"flow": 1.5, "motor.rpm": 900},
        {"label": "plain text"},
    ]
    assert api("GET", f"/devices/{key}/readings", params={"metric": "label"}).json()["items"] == readings[1:]


def test_a_command_reaches_the_device_and_its_answer_the_browser(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    system, key = shared_system, f"{site}/lamp"
    device = system.mqtt()
    device.subscribe(f"devices/{key}/command/#")
    device.publish(f"devices/{key}/status", "online")
    eventually(lambda: api("GET", f"/devices/{key}").status_code == httpx.codes.OK)
    socket = system.ws(*ADMIN)
    socket.request("subscribe", devices={key: None})
    reply = socket.request("command", device=key, name="set_led", args={"on": True}, ttl_s=60)
    command = reply["command"]
    assert command["status"] == "accepted"

    got = device.expect(f"devices/{key}/command/+/set_led")
    assert got.topic == f"devices/{key}/command/{command['id']}/set_led"
    assert (got.json(), got.qos, got.retain) == ({"on": True}, 1, False)
    properties: Any = got.properties
    assert properties.CorrelationData == command["id"].encode()
    assert properties.ResponseTopic == f"devices/{key}/ack/{command['id']}"
    assert 0 < properties.MessageExpiryInterval <= 60

    for status in ("accepted", "done"):
        device.publish(f"devices/{key}/ack/{command['id']}", {"status": status, "result": {"led": "on"}})
    steps = ["accepted", "sent", "delivered", "done"]
    done = socket.until(lambda frame: frame["type"] == "command" and frame["command"]["status"] == "done")["command"]
    assert [step["status"] for step in done["timeline"]] == steps
    assert done["result"] == {"led": "on"}
    assert api("GET", f"/commands/{command['id']}").json() == done


def test_a_command_by_rest_expires_when_nobody_answers(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    key = f"{site}/absent"
    shared_system.publish(f"devices/{key}/telemetry", {"t": 1})
    eventually(lambda: api("GET", f"/devices/{key}").status_code == httpx.codes.OK)
    answer = api("POST", f"/devices/{key}/commands", json={"name": "wake", "args": {}, "ttl_s": 1})
    assert answer.status_code == httpx.codes.ACCEPTED
    command = eventually(
        lambda: (c := api("GET", f"/commands/{answer.json()['id']}").json())["status"] == "expired" and c
    )
    assert [step["status"] for step in command["timeline"]] == ["accepted", "sent", "expired"]
    shared_system.publish(f"devices/{key}/ack/{command['id']}", {"status": "done"})
    late = eventually(lambda: (c := api("GET", f"/commands/{command['id']}").json())["status"] == "done" and c)
    assert late["timeline"][-1]["late"] is True


def test_desired_state_reaches_the_device_until_it_reports_it(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    system, key = shared_system, f"{site}/heater"
    device = system.mqtt()
    device.publish(f"devices/{key}/state", {"target": 19})
    eventually(lambda: api("GET", f"/devices/{key}").status_code == httpx.codes.OK)
    device.subscribe(f"devices/{key}/desired")
    socket = system.ws(*ADMIN)
    socket.request("subscribe", devices={key: None})
    socket.until_type("snapshot")
    reply = socket.request("desired", device=key, patch={"target": 21})
    assert reply["type"] == "ok", reply
    assert device.expect(f"devices/{key}/desired").json() == {"version": 1, "delta": {"target": 21}}
    item = item_of(socket.until(lambda frame: item_of(frame, key)), key)
    assert item["desired"] == {"target": 21}
    stale = api("PATCH", f"/devices/{key}/desired", json={"target": 5}, headers={"If-Match": '"0"'})
    assert stale.status_code in (httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED)
    device.publish(f"devices/{key}/state", {"target": 21})
    assert device.expect(f"devices/{key}/desired").payload == b""


def test_a_burst_of_5000_arrives_and_is_stored_in_order(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    devices = [f"{site}/d{number}" for number in range(10)]
    shared_system.mqtt().publish_all(
        (f"devices/{devices[number % 10]}/telemetry", {"number": number}) for number in range(5_000)
    )
    for position, key in enumerate(devices):
        values = wait_for_readings(api, key, 500)
        assert [reading["metrics"]["number"] for reading in values] == list(range(position, 5_000, 10))
    settled_ledger(shared_system)


def wait_for_readings(api: Callable[..., httpx.Response], key: str, count: int) -> list[Any]:
    """A device's readings once there are `count`."""
    eventually(lambda: len(all_readings(api, key)) == count, 30, what=f"{key} has {count} readings")
    return all_readings(api, key)


def all_readings(api: Callable[..., httpx.Response], key: str) -> list[Any]:
    """Every reading of a device, page by page."""
    items: list[Any] = []
    cursor = None
    while True:
        answer = api(
            "GET", f"/devices/{key}/readings", params={"limit": 1000, **({"cursor": cursor} if cursor else {})}
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        page = answer.json()
        items += page["items"]
        if not (cursor := page["next"]):
            return items


def quarantine(api: Callable[..., httpx.Response], key: str) -> list[Any]:
    """A device's quarantined messages."""
    items: list[Any] = api("GET", "/quarantine", params={"limit": 100, "device": key}).json()["items"]
    return items


BAD: list[tuple[str, bytes, str]] = [
    ("telemetry", b"{not json", "bad_json"),
    ("telemetry", b'{"a": "\xff"}', "bad_utf8"),
    ("telemetry", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH, "too_deep"),
    ("telemetry", b'{"a": "' + b"x" * 1024 * 1024 + b'"}', "too_large"),
    ("telemetry", b'{"a": [' + b"0," * 2_000 + b"0]}", "too_many_leaves"),
    ("telemetry", b'{"a": 1, "ts": 1}', "ts_before_2000"),
    ("telemetry/a", b"[1]", "not_a_scalar"),
    ("state", b"[]", "not_an_object"),
    ("status", b"perhaps", "bad_status"),
    ("ack/nobody", b'{"status": "done"}', "unknown_command"),
    ("ack/nobody", b'{"status": "perhaps"}', "bad_ack"),
]


def test_wrong_content_is_quarantined_with_its_reason_and_harms_no_neighbour(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    key = f"{site}/sick"
    before = settled_ledger(shared_system)
    client = shared_system.mqtt()
    for number, (suffix, payload, _) in enumerate(BAD):
        client.publish(f"devices/{key}/{suffix}", payload)
        client.publish(f"devices/{site}/healthy/telemetry", {"number": number})
    eventually(lambda: len(all_readings(api, f"{site}/healthy")) == len(BAD), 20)
    assert all_readings(api, key) == []
    eventually(lambda: len(quarantine(api, key)) == len(BAD))
    assert sorted(item["reason"] for item in quarantine(api, key)) == sorted(reason for *_, reason in BAD)
    after = settled_ledger(shared_system)
    assert after["quarantined"] - before["quarantined"] == len(BAD)
    assert after["received"] - before["received"] == 2 * len(BAD)


NOTED: list[tuple[bytes, Any, str]] = [
    (b'{"a": 1, "b": NaN}', {"a": 1, "b": None}, "not_finite"),
    (b'{"a": 1, "c": 1e999}', {"a": 1, "c": None}, "not_finite"),
    (b'{"a": 1, "d": "\\u0000"}', {"a": 1, "d": None}, "bad_text"),
    (b'{"a": 1, "e": "\\ud800"}', {"a": 1, "e": None}, "bad_text"),
    (b'{"a": 1, "f": 99999999999999999999}', {"a": 1, "f": "99999999999999999999"}, "integer_too_large"),
    (b'{"a": 1, "g": {"b": 1}, "g.b": 1}', {"a": 1}, "name_collision"),
]


def test_case_b1_good_values_beside_bad_ones_arrive_and_the_bad_ones_are_noted(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    key = f"{site}/odd"
    client = shared_system.mqtt()
    for payload, *_ in NOTED:
        client.publish(f"devices/{key}/telemetry", payload)
    eventually(lambda: len(all_readings(api, key)) == len(NOTED), 20)
    assert [item["metrics"] for item in all_readings(api, key)] == [metrics for _, metrics, _ in NOTED]
    notes = api("GET", f"/devices/{key}/notes").json()["items"]
    assert [note["reason"] for note in reversed(notes)] == [reason for *_, reason in NOTED]
    assert quarantine(api, key) == []


def test_what_is_nobodys_is_rejected_with_its_reason(shared_system: System, site: str) -> None:
    before = settled_ledger(shared_system)
    client = shared_system.mqtt()
    for topic in (
        "devices",
        f"devices/{site}",
        f"devices/{site}/x",
        f"devices/{site}/x/telemetry/a/b",
        f"devices/{site}/x/unheard",
        f"devices/{site}/b d/telemetry",
        f"devices//{site}/telemetry",
    ):
        client.publish(topic, b"1")
    client.publish(f"devices/{site}/x/desired", b"{}")  # our own downlink: outside the ledger
    eventually(lambda: ledger(shared_system)["rejected"] - before["rejected"] == 7)
    after = settled_ledger(shared_system)
    assert after["received"] - before["received"] == 7


def test_empty_payloads_and_empty_objects_are_applied_and_change_nothing(
    shared_system: System, site: str, api: Callable[..., httpx.Response]
) -> None:
    key = f"{site}/quiet"
    client = shared_system.mqtt()
    client.publish(f"devices/{key}/state", {"a": 1}, retain=True)
    rev = eventually(lambda: api("GET", f"/devices/{key}").json().get("rev"))
    before = settled_ledger(shared_system)
    client.publish(f"devices/{key}/state", b"", retain=True)
    client.publish(f"devices/{key}/telemetry", b"{}")
    client.publish(f"devices/{key}/telemetry", b"")
    eventually(lambda: ledger(shared_system)["applied"] - before["applied"] == 3)
    assert api("GET", f"/devices/{key}").json()["rev"] == rev
    assert settled_ledger(shared_system)["quarantined"] == before["quarantined"]


def test_without_auto_register_unknown_devices_are_rejected(causeway: Callable[..., System]) -> None:
    system = causeway(BRIDGE_AUTO_REGISTER="false", workers=1)
    system.manage("provision_device", "demo/known")
    system.publish("devices/demo/unknown/telemetry", {"t": 1})
    system.publish("devices/demo/known/telemetry", {"t": 1})
    api = system.api(*ADMIN)
    eventually(lambda: len(all_readings(api, "demo/known")) == 1)
    assert api("GET", "/devices/demo/unknown").status_code == httpx.codes.NOT_FOUND
    account = settled_ledger(system)
    assert (account["applied"], account["rejected"]) == (1, 1)


def test_mqtt_3_1_1_and_sqlite_do_the_same(causeway: Callable[..., System]) -> None:
    system = causeway(MQTT_VERSION="3.1.1", database="sqlite", workers=1)
    api = system.api(*ADMIN)
    client = system.mqtt()
    client.subscribe("devices/demo/old/command/#")
    client.publish_all(("devices/demo/old/telemetry", {"n": number}) for number in range(300))
    eventually(lambda: len(all_readings(api, "demo/old")) == 300, 20)
    answer = api("POST", "/devices/demo/old/commands", json={"name": "go", "args": {"x": 1}})
    got = client.expect("devices/demo/old/command/+/go")
    client.publish(f"devices/demo/old/ack/{answer.json()['id']}", {"status": "done"})
    eventually(lambda: api("GET", f"/commands/{answer.json()['id']}").json()["status"] == "done")
    assert json.loads(got.payload) == {"x": 1}
    settled_ledger(system)
