"""Device → database → REST and WebSocket, and back: the contract's sections 3 to 5 on real parts, seen from outside."""

import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.live import Frame, LiveSocket
from tests.support.mosquitto import client_program
from tests.support.system import Factory, System
from tests.support.waiting import eventually

BURST = 5_000
RECOVERY_S = 15


def mosquitto_pub(system: System, topic: str, payload: str, *options: str) -> None:
    """Publish as a user would, by Mosquitto's own client."""
    address = ["-h", "127.0.0.1", "-p", str(system.parts.mosquitto.port)]
    command = [client_program("mosquitto_pub"), *address, "-q", "1", "-t", topic, "-m", payload, *options]
    subprocess.run(command, check=True, timeout=10)


def device(system: System, key: str) -> Callable[[], Any]:
    """A function that reads a device by REST; it raises while the device is unknown."""
    api = system.api(site=key.partition("/")[0])

    def read() -> Any:
        answer = api("GET", f"/devices/{key}")
        answer.raise_for_status()
        return answer.json()

    return read


def watch(system: System, *keys: str) -> LiveSocket:
    """A WebSocket that watches these devices; their snapshot is received."""
    site = keys[0].partition("/")[0]
    socket = system.ws(site=site)
    reply = socket.request("subscribe", devices=dict.fromkeys(keys))
    assert reply["type"] == "ok", reply
    socket.until_type("snapshot")
    return socket


def item(frame: Frame, key: str) -> Any:
    """The part of a delta frame that is about the device, or None."""
    if frame["type"] != "delta":
        return None
    return next((one for one in frame["items"] if one["device"] == key), None)


def test_every_suffix_ends_in_the_api(shared_system: System) -> None:
    site = "suffixes"
    topic = f"devices/{site}/d1"
    mosquitto_pub(shared_system, f"{topic}/status", "online", "-r")
    mosquitto_pub(shared_system, f"{topic}/telemetry", '{"t": 21.5, "pump": {"on": true}, "note": null}')
    mosquitto_pub(shared_system, f"{topic}/telemetry", '[{"t": 21.6}, {"t": 21.7}]')
    mosquitto_pub(shared_system, f"{topic}/telemetry/humidity", "48")
    mosquitto_pub(shared_system, f"{topic}/state", '{"led": {"on": false}, "fw": "1.2"}')
    mosquitto_pub(shared_system, f"{topic}/event/door", '{"open": true}')
    read = device(shared_system, f"{site}/d1")
    twin = eventually(lambda: (one := read())["reported"] == {"led": {"on": False}, "fw": "1.2"} and one)
    assert twin["presence"]["status"] == "online"
    assert {name: twin["metrics"][name]["value"] for name in ("t", "pump.on", "humidity")} == {
        "t": 21.7,
        "pump.on": True,
        "humidity": 48,
    }
    api = shared_system.api(site=site)
    readings = api("GET", f"/devices/{site}/d1/readings", params={"metric": "t"}).json()["items"]
    assert [reading["metrics"]["t"] for reading in readings] == [21.5, 21.6, 21.7]
    assert [reading["rev"] for reading in readings] == sorted({reading["rev"] for reading in readings})


def test_a_value_reaches_the_browser_as_a_delta(shared_system: System) -> None:
    key = "deltas/d1"
    shared_system.publish(f"devices/{key}/telemetry", {"t": 1})
    eventually(device(shared_system, key))
    socket = watch(shared_system, key)
    mosquitto_pub(shared_system, f"devices/{key}/telemetry", '{"t": 2}')
    delta = item(socket.until(lambda frame: item(frame, key)), key)
    assert delta["readings"][-1]["metrics"] == {"t": 2}
    assert delta["prev"] < delta["rev"]


def test_a_command_goes_to_the_device_and_its_answer_comes_back(shared_system: System) -> None:
    key = "commands/d1"
    shared_system.publish(f"devices/{key}/status", "online")
    eventually(device(shared_system, key))
    unit = shared_system.mqtt()
    unit.subscribe(f"devices/{key}/#")
    socket = watch(shared_system, key)
    reply = socket.request("command", device=key, name="set_led", args={"on": True}, ttl_s=60)
    command = reply["command"]["id"]
    order = unit.expect(f"devices/{key}/command/{command}/set_led")
    assert order.json() == {"on": True}
    assert not order.retain
    unit.publish(f"devices/{key}/ack/{command}", {"status": "done", "result": {"lit": True}})

    def done(frame: Frame) -> object:
        return frame["type"] == "command" and frame["command"]["id"] == command and frame["command"]["status"] == "done"

    steps = [step["status"] for step in socket.until(done)["command"]["timeline"]]
    assert steps == ["accepted", "sent", "delivered", "done"]
    stored = shared_system.api(site="commands")("GET", f"/commands/{command}").json()
    assert [step["status"] for step in stored["timeline"]] == steps


def test_desired_state_is_retained_until_the_device_reports_it(shared_system: System) -> None:
    key = "wishes/d1"
    shared_system.publish(f"devices/{key}/state", {"target": 20})
    read = device(shared_system, key)
    eventually(read)
    changed = shared_system.api(site="wishes")("PATCH", f"/devices/{key}/desired", json={"target": 21})
    assert changed.status_code == httpx.codes.OK, changed.text
    unit = shared_system.mqtt()
    unit.subscribe(f"devices/{key}/desired")
    assert unit.expect(f"devices/{key}/desired").json()["delta"] == {"target": 21}
    unit.publish(f"devices/{key}/state", {"target": 21})
    assert unit.expect(f"devices/{key}/desired").payload == b""
    assert read()["reported"] == {"target": 21}


def test_a_burst_is_stored_completely(causeway: Factory) -> None:
    system = causeway()
    messages = [(f"devices/demo/d{number % 10}/telemetry", {"n": number}) for number in range(BURST)]
    system.mqtt().publish_all(messages)
    eventually(lambda: read_ledger(system)["applied"] >= BURST, 60)
    ledger = read_ledger(system)
    assert ledger["received"] == sum(ledger[name] for name in ledger if name != "received")
    for number in range(10):
        stored = [reading["metrics"]["n"] for reading in all_readings(system, f"demo/d{number}")]
        assert stored == list(range(number, BURST, 10))


def read_ledger(system: System) -> dict[str, int]:
    answer = system.api()("GET", "/ledger")
    answer.raise_for_status()
    ledger: dict[str, int] = answer.json()
    return ledger


def all_readings(system: System, key: str) -> list[Any]:
    api, items, cursor = system.api(), [], None
    while True:
        page = api("GET", f"/devices/{key}/readings", params={"after_rev": cursor} if cursor else {}).json()
        items += page["items"]
        if page["next"] is None or not page["items"]:
            return items
        cursor = page["items"][-1]["rev"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", ["mosquitto", "redis", "postgres"])
def test_every_process_recovers_from_a_restart_of_a_server(causeway: Factory, part: str) -> None:
    system = causeway()
    system.publish("devices/demo/d1/telemetry", {"t": 1})
    read = device(system, "demo/d1")
    eventually(read)
    server = getattr(system.parts, part)
    server.kill()
    eventually(lambda: httpx.get(f"{system.url}/readyz", timeout=5).status_code == httpx.codes.SERVICE_UNAVAILABLE, 15)
    server.start()
    system.wait_ready(RECOVERY_S)
    system.publish("devices/demo/d1/telemetry", {"t": 2})
    eventually(lambda: read()["metrics"]["t"]["value"] == 2)
    watch(system, "demo/d1")
