"""Commands that contradict what their device is said to be."""

from typing import Any

import pytest

from devices.rules.described import descriptions
from devices.rules.described.contradictions import contradiction
from devices.rules.described.descriptions import Kept
from devices.rules.twin import TwinState

PROPERTIES = [
    {"metric": "target", "kind": "number", "low": 5, "high": 30, "step": 0.5, "settable": True},
    {"metric": "mode", "kind": "enum", "values": ["eco", "boost"], "settable": True},
    {"metric": "on", "kind": "boolean", "settable": True},
    {"metric": "t", "kind": "number", "settable": False},
]
ACTIONS = [{"name": "identify", "args": [{"metric": "s", "kind": "number", "low": 1, "high": 60}]}, {"name": "reboot"}]


def kept(**words: Any) -> Kept:
    known = Kept()
    descriptions.dialect_said(known, words, TwinState())
    return known


@pytest.mark.parametrize(
    ("name", "args", "field"),
    [
        ("set", {"target": 21.5}, None),
        ("set", {"target": 4}, "args.target"),
        ("set", {"target": 30.5}, "args.target"),
        ("set", {"target": 21.3}, "args.target"),
        ("set", {"target": "21"}, "args.target"),
        ("set", {"target": None}, "args.target"),
        ("set", {"target": True}, "args.target"),
        ("set", {"mode": "eco"}, None),
        ("set", {"mode": "party"}, "args.mode"),
        ("set", {"on": 1}, "args.on"),
        ("set", {"t": 20}, "args.t"),
        ("set", {"unheard_of": 1}, None),
        ("identify", {"s": 10}, None),
        ("identify", {}, None),
        ("identify", {"s": 0}, "args.s"),
        ("identify", {"seconds": 5}, "args.seconds"),
        ("reboot", {}, None),
        ("explode", {}, "name"),
    ],
)
def test_what_contradicts_a_description(name: str, args: dict[str, Any], field: str | None) -> None:
    found = contradiction(kept(properties=PROPERTIES, actions=ACTIONS), name, args)
    assert (found and found.field) == field


def test_where_nobody_gave_actions_every_name_is_given() -> None:
    assert contradiction(kept(properties=PROPERTIES), "explode", {"x": 1}) is None
    assert contradiction(Kept(), "set", {"x": 1}) is None


def test_a_persons_list_of_actions_alone_forbids_nothing() -> None:
    known = Kept()
    descriptions.put(known, {"actions": ACTIONS}, TwinState())
    assert contradiction(known, "explode", {}) is None


def test_set_is_an_unknown_action_where_nothing_can_be_set() -> None:
    found = contradiction(kept(actions=ACTIONS), "set", {"x": 1})
    assert found is not None
    assert found.field == "name"
