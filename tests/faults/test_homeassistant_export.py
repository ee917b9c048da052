"""A native device in a Home Assistant over a real broker: announced, told whether it is there, switched once."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.support.clients.mqtt import MqttClient
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory

Api = Callable[..., httpx.Response]
DEVICE = "plant/pump"
MODEL = {"name": "Pump", "properties": [{"metric": "on", "kind": "boolean", "settable": True}]}


def test_what_home_assistant_publishes_on_a_control_is_one_command(causeway: Factory) -> None:
    system = causeway(workers=1, HOMEASSISTANT_EXPORT="homeassistant", DIALECTS="native,homeassistant@home")
    device, theirs, admin = system.mqtt(), system.mqtt(), system.api("root", "admin", None)
    device.subscribe(f"devices/{DEVICE}/command/+/+")
    system.publish(f"devices/{DEVICE}/model", MODEL, retain=True)
    system.publish(f"devices/{DEVICE}/telemetry", {"on": False})
    theirs.subscribe("homeassistant/device/+/config")
    switch = switch_of(theirs)
    theirs.subscribe(switch["avty_t"])
    assert theirs.expect().payload == b"online"

    system.publish(switch["cmd_t"], "ON")
    command = device.expect()
    assert (command.topic.rpartition("/")[2], command.json()) == ("set", {"on": True})
    command_id = command.topic.split("/")[-2]
    device.publish(f"devices/{DEVICE}/ack/{command_id}", {"status": "done"})
    (told,) = eventually(lambda: done(admin), 10, what="the command is done")
    assert (told["id"], told["timeline"][0]["by"]) == (command_id, "homeassistant")

    system.publish(switch["cmd_t"], "OFF", retain=True)  # as somebody may have it: it counts once, now
    assert device.expect().json() == {"on": False}
    system.gateway.kill()
    system.publish(switch["cmd_t"], "ON")  # it waits at the broker, nobody knows for how long
    before = system.gateway.position()
    system.gateway.start()
    system.gateway.wait_for_line("broker link up", since=before)
    eventually(lambda: reasons(admin).get("late_command"), 15, what="what came late is rejected")
    assert set(reasons(admin)) <= {"late_command", "own_export"}  # and what was retained did not come at all
    assert len(commands(admin)) == 2


def switch_of(client: MqttClient) -> dict[str, Any]:
    """The switch and its availability, once it is announced."""
    while "on" not in (message := client.expect().json())["cmps"]:
        pass
    assert message["cmps"]["on"]["p"] == "switch"
    return {"avty_t": message["avty_t"], **message["cmps"]["on"]}


def commands(admin: Api) -> list[dict[str, Any]]:
    """The device's."""
    found: list[dict[str, Any]] = admin("GET", f"/devices/{DEVICE}/commands").json()["items"]
    return found


def done(admin: Api) -> list[dict[str, Any]]:
    """Those that it has done."""
    return [one for one in commands(admin) if one["status"] == "done"]


def reasons(admin: Api) -> dict[str, int]:
    """Why something was rejected, how often."""
    found: dict[str, int] = admin("GET", "/ledger").json()["reasons"].get("rejected", {})
    return found
