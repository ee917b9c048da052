"""What Home Assistant is told of native devices, read back by the import of its messages."""

from typing import Any

import jinja2
import msgspec
import pytest

from bridge.dialects.dialect import Base
from bridge.dialects.homeassistant.dialect import HomeAssistantDialect
from bridge.dialects.native.announcement import Announcer, topic
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row

DESCRIPTION: dict[str, Any] = {
    "name": "Boiler", "manufacturer": "Example", "model": "B1", "firmware": "1.2", "properties": [
        {"metric": "t", "label": "Temperature", "kind": "number", "unit": "°C", "class": "temperature"},
        {"metric": "flow.in", "kind": "number", "unit": "bar", "class": "pressure", "state_class": "measurement"},
        {"metric": "door", "kind": "boolean", "class": "door"}, {"metric": "mode", "kind": "enum", "values": ["a"]},
        {"metric": "odd", "kind": "number", "unit": "furlong", "class": "distance", "diagnostic": True},
    ],
}  # fmt: skip

NOTHING = {"Temperature": "", "flow.in": "", "door": "", "mode": "before", "odd": "", "extra": "before"}


def message(**more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"description": DESCRIPTION, "metrics": ["t", "extra"]} | more
    found: dict[str, Any] = msgspec.json.decode(Announcer("devices").announcement("plant/boiler", **fields))
    return found


def test_the_message_has_the_devices_form() -> None:
    found = message()
    assert topic("homeassistant", "plant/boiler").startswith("homeassistant/device/plant_boiler_")
    assert found["dev"] == {
        "ids": [found["dev"]["ids"][0]], "name": "Boiler", "manufacturer": "Example", "model": "B1", "sw_version": "1.2"
    }  # fmt: skip
    assert found["o"]["name"] == "Causeway"
    assert found["stat_t"] == "devices/plant/boiler/telemetry"
    assert found["avty_t"] == "causeway/homeassistant/plant/boiler/presence"
    entities = {one["name"]: one for one in found["cmps"].values()}
    assert (entities["Temperature"]["unit_of_meas"], entities["Temperature"]["dev_cla"]) == ("°C", "temperature")
    assert (entities["door"]["p"], entities["door"]["dev_cla"]) == ("binary_sensor", "door")
    assert "dev_cla" not in entities["odd"]  # no unit that goes with it
    assert entities["odd"]["ent_cat"] == "diagnostic"
    assert set(entities) == {"Temperature", "flow.in", "door", "mode", "odd", "extra"}
    assert Announcer("devices").announcement("plant/new", {}, ()) == b""


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"t": 21.5, "flow": {"in": 1.5}, "door": True, "mode": "a", "odd": 3, "extra": "x"},
         {"Temperature": "21.5", "flow.in": "1.5", "door": "ON", "mode": "a", "odd": "3", "extra": "x"}),
        ({"door": False}, NOTHING | {"door": "OFF"}),
        ({"flow": None}, NOTHING),
        ([{"t": 1}], NOTHING),
    ],
)  # fmt: skip
def test_jinja_finds_the_values_in_the_devices_own_telemetry(payload: Any, shown: dict[str, str]) -> None:
    variables = {"value": "", "value_json": payload, "this": {"state": "before"}}
    found = {
        one["name"]: jinja2.Environment(autoescape=False).from_string(one["val_tpl"]).render(variables)
        for one in message()["cmps"].values()
    }
    assert found == shown


def test_what_can_be_set_and_done_has_controls() -> None:
    properties = [
        {"metric": "pump", "kind": "boolean", "settable": True}, {"metric": "odd one", "settable": True},
        {"metric": "dose", "kind": "number", "settable": True, "low": 5, "high": 250, "step": 5, "unit": "mL"},
        {"metric": "any", "kind": "number", "settable": True, "diagnostic": True, "state_class": "measurement"},
        {"metric": "mode", "kind": "enum", "values": ["a", "b"], "settable": True},
        {"metric": "none", "kind": "number", "low": 1, "high": 1, "settable": True},
        {"metric": "lamp.on", "kind": "boolean", "class": "light", "settable": True},
        {"metric": "lamp.brightness", "kind": "number", "low": 0, "high": 100, "settable": True},
    ]  # fmt: skip
    actions = [{"name": "identify", "label": "Blink"}, {"name": "move", "args": [{"metric": "to"}]}]
    found = message(description={"properties": properties, "actions": actions}, metrics=["pump"])["cmps"]
    base = "causeway/homeassistant/plant/boiler"
    assert (found["pump"]["p"], found["pump"]["cmd_t"]) == ("switch", f"{base}/set/pump")
    assert (found["odd_one_93dc3070"]["p"], found["odd_one_93dc3070"]["max"]) == ("text", 255)
    dose = found["dose"]
    assert [dose[key] for key in ("p", "min", "max", "step", "mode", "unit_of_meas")] == [
        "number",
        5,
        250,
        5,
        "auto",
        "mL",
    ]
    assert (found["any"]["mode"], found["any"]["ent_cat"]) == ("box", "config")
    assert "stat_cla" not in found["any"]
    assert (found["mode"]["p"], found["mode"]["ops"]) == ("select", ["a", "b"])
    assert found["none"]["p"] == "sensor"
    light = found["lamp_on_affd1775"]
    assert (light["p"], light["bri_scl"], light["stat_val_tpl"].startswith("{%")) == ("light", 100, True)
    assert not [key for key in found if key.startswith("lamp_brightness")]
    assert found["identify--do"] == {
        "uniq_id": f"{message()['dev']['ids'][0]}_identify--do", "name": "Blink", "p": "button",
        "cmd_t": f"{base}/do/identify",
    }  # fmt: skip
    assert not [key for key in found if "move" in key]
    assert [one["uniq_id"] for one in found.values()] == list(dict.fromkeys(one["uniq_id"] for one in found.values()))


def test_the_import_leaves_it_alone_and_would_understand_it() -> None:
    own = Announcer("devices").announcement("plant/boiler", DESCRIPTION, [])
    elsewhere = own.replace(b'"Causeway"', b'"Elsewhere"').replace(b"causeway/", b"elsewhere/")
    played = Player(HomeAssistantDialect((Base("home"),), "another"))
    for payload, outcome in ((own, "own_export"), (elsewhere, "")):
        played.play([Row(1, topic("homeassistant", "plant/boiler"), payload, True, False, 1_795_944_900_000)])
        assert played.outcomes[1] == outcome
    played.play([Row(2, "devices/plant/boiler/telemetry", b'{"t":4,"door":true}', False, False, 1_795_944_901_000)])
    (device,) = played.twins
    assert set(values(played, device).values()) == {4, True}
