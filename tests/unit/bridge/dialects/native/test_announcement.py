"""What Home Assistant is told of native devices, read back by the import of its messages."""

from typing import Any

import jinja2
import msgspec
import pytest

from bridge.dialects.dialect import Base
from bridge.dialects.homeassistant.dialect import HomeAssistantDialect
from bridge.dialects.native.announcement import announcement, topic
from bridge.dialects.native.topics import NativeTopics
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row

TOPICS = NativeTopics("devices")
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
    fields: dict[str, Any] = {"description": DESCRIPTION, "metrics": ["t", "extra"], "has_status": True} | more
    found: dict[str, Any] = msgspec.json.decode(announcement(TOPICS, "plant/boiler", **fields))
    return found


def test_the_message_has_the_devices_form() -> None:
    found = message()
    assert topic("homeassistant", "plant/boiler").startswith("homeassistant/device/plant_boiler_")
    assert found["dev"] == {
        "ids": [found["dev"]["ids"][0]], "name": "Boiler", "manufacturer": "Example", "model": "B1", "sw_version": "1.2"
    }  # fmt: skip
    assert found["o"]["name"] == "Causeway"
    assert (found["stat_t"], found["avty_t"]) == ("devices/plant/boiler/telemetry", "devices/plant/boiler/status")
    entities = {one["name"]: one for one in found["cmps"].values()}
    assert (entities["Temperature"]["unit_of_meas"], entities["Temperature"]["dev_cla"]) == ("°C", "temperature")
    assert (entities["door"]["p"], entities["door"]["dev_cla"]) == ("binary_sensor", "door")
    assert "dev_cla" not in entities["odd"]  # no unit that goes with it
    assert entities["odd"]["ent_cat"] == "diagnostic"
    assert set(entities) == {"Temperature", "flow.in", "door", "mode", "odd", "extra"}
    assert "avty_t" not in message(has_status=False)
    assert announcement(TOPICS, "plant/new", {}, (), has_status=False) == b""


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


@pytest.mark.parametrize(
    ("status", "there"),
    [("online", True), ("Online", True), ("offline", False), ("0", False), ('{"status":"offline"}', False),
     ('{"online": false}', False), ('{"online":true}', True)],
)  # fmt: skip
def test_jinja_finds_the_status(status: str, there: bool) -> None:
    shown = jinja2.Environment(autoescape=False).from_string(message()["avty_tpl"]).render(value=status)
    assert shown == ("online" if there else "offline")


def test_the_import_leaves_it_alone_and_would_understand_it() -> None:
    own = announcement(TOPICS, "plant/boiler", DESCRIPTION, [], has_status=True)
    elsewhere = own.replace(b'"Causeway"', b'"Elsewhere"')
    played = Player(HomeAssistantDialect((Base("home"),), "another"))
    for payload, outcome in ((own, "own_export"), (elsewhere, "waits_for_state")):
        played.play([Row(1, topic("homeassistant", "plant/boiler"), payload, True, False, 1_795_944_900_000)])
        assert played.outcomes[1] == outcome
    played.play([Row(2, "devices/plant/boiler/telemetry", b'{"t":4,"door":true}', False, False, 1_795_944_901_000)])
    (device,) = played.twins
    assert set(values(played, device).values()) == {4, True}
