"""What Home Assistant publishes on controls, and what it asks for by that."""

from typing import Any

import pytest

from bridge.dialects.builtin import built_in, parse_dialects, with_controls
from bridge.dialects.dialect import OWN_DOWNLINK, RejectedTopic, Route
from bridge.dialects.native.control_topics import CONTROLS, ControlTopics, identifier
from bridge.dialects.native.controls import MAX_PAYLOAD_BYTES, asked
from bridge.dialects.refusals.guard import filter_error, publish_error
from bridge.dialects.registry import Dialects

DESCRIPTION: dict[str, Any] = {
    "properties": [
        {"metric": "pump.on", "kind": "boolean", "settable": True}, {"metric": "t", "kind": "number"},
        {"metric": "dose", "kind": "number", "settable": True, "low": 0}, {"metric": "note", "settable": True},
        {"metric": "mode", "kind": "enum", "values": ["a"], "settable": True}, {"metric": "pos", "kind": "location"},
    ],
    "actions": [{"name": "identify"}, {"name": "move", "args": [{"metric": "to"}]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "name", "payload", "command"),
    [
        ("set", "pump.on", b"ON", ("set", {"pump.on": True})),
        ("set", "pump.on", b"OFF", ("set", {"pump.on": False})),
        ("set", "pump.on", b"TOGGLE", None),
        ("set", "dose", b"40", ("set", {"dose": 40})),
        ("set", "dose", b"40.0", ("set", {"dose": 40})),
        ("set", "dose", b"2.5", ("set", {"dose": 2.5})),
        *(("set", "dose", wrong, None) for wrong in (b"", b"x", b"nan", b"inf", b"1e400", b"1e16", b"1_0", b"\xff")),
        ("set", "mode", b"a", ("set", {"mode": "a"})),
        ("set", "note", "Küche".encode(), ("set", {"note": "Küche"})),
        ("set", "note", b"a\0b", None),
        ("set", "note", b"x" * 256, None),
        ("set", "note", b"x" * (MAX_PAYLOAD_BYTES + 1), None),
        ("set", "t", b"1", None),
        ("set", "unknown", b"1", None),
        ("do", "identify", b"PRESS", ("identify", {})),
        ("do", "identify", b"", None),
        ("do", "move", b"PRESS", None),
        ("do", "pump.on", b"PRESS", None),
    ],
)
def test_a_message_asks_for_a_command_or_for_nothing(verb: str, name: str, payload: bytes, command: Any) -> None:
    assert asked(DESCRIPTION, verb, identifier(name), payload) == command


def test_topics_are_sorted_and_no_device_can_have_us_publish_there() -> None:
    dialects = Dialects(*built_in(with_controls(parse_dialects("native,homie@home"), "ha"), "devices"))
    topics = ControlTopics("devices")
    mine = topics.control("plant/boiler", "set", "pump_on")
    assert dialects.route(mine) == Route(CONTROLS, "plant/boiler", "set", "pump_on")
    assert dialects.route(topics.presence("plant/boiler")) == OWN_DOWNLINK
    for wrong, reason in (("get/x", "unknown_suffix"), ("set", "unknown_suffix"), ("set/a b", "bad_name")):
        assert dialects.route(f"causeway/homeassistant/plant/boiler/{wrong}") == RejectedTopic(reason)
    assert publish_error(dialects, "homie", mine) == "command_topic"
    assert filter_error(dialects, mine) == "command_topic"
    assert ControlTopics("causeway").presence("a/b").startswith("causeway-bridge/")
    assert with_controls(parse_dialects("native"), "") == parse_dialects("native")


def test_the_setting_dialects_cannot_name_them() -> None:
    with pytest.raises(ValueError, match="entry 2"):
        parse_dialects(f"native,{CONTROLS}@home")
