"""Zigbee2MQTT beyond its corpus: what is large, what comes too early, names within names, other versions."""

import json
import time
from typing import Any

import msgspec
import pytest

from bridge.dialects.dialect import OWN_DOWNLINK, Base, Command, Refused, Rendered, Route
from bridge.dialects.zigbee2mqtt import network
from bridge.dialects.zigbee2mqtt.dialect import Zigbee2MqttDialect
from bridge.dialects.zigbee2mqtt.exposes import features, features_in
from bridge.dialects.zigbee2mqtt.model import Model
from bridge.json_limits import decode_json
from bridge.observations import CommandAck, Described, EventReported, Telemetry
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row

NOW_MS = 1_795_944_900_000
COMMAND_ID = "0d9bb5a2-6a0c-4f5e-8d0e-1f2a3b4c5d6e"
SWITCH = {"type": "binary", "property": "state", "access": 7, "value_on": "ON", "value_off": "OFF"}


def device(name: str, address: str = "0x1", exposes: Any = (SWITCH,), **fields: Any) -> dict[str, Any]:
    definition = {"model": "M", "vendor": "V", "exposes": list(exposes)}
    return {"ieee_address": address, "friendly_name": name, "type": "Router", "definition": definition, **fields}


def row(topic: str, payload: Any, *, retain: bool = False, at_ms: int = NOW_MS) -> Row:
    content = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
    return Row(1, f"z/{topic}", content, retain, False, at_ms)


def player() -> Player:
    return Player(Zigbee2MqttDialect((Base("home", "z"),), "devices"))


def rendered(played: Player, device: str, name: str, **args: Any) -> Rendered | Refused:
    command = Command(COMMAND_ID, name, msgspec.json.encode(args), NOW_MS + 60_000)
    return played.dialect.render(played.states["home/z"], device, command, NOW_MS)


def test_a_description_of_50_devices_in_over_a_megabyte_is_read_in_a_tenth_of_a_second() -> None:
    exposes = [
        {"type": "numeric", "property": f"p{i}", "label": f"P {i}", "access": 5, "unit": "W", "value_max": 100,
         "description": "x" * 300, "presets": [{"name": "a" * 40, "value": 1, "description": "y" * 200}]}
        for i in range(35)
    ]  # fmt: skip
    listed = [device(f"room {i}/plug", f"0x{i:016x}", exposes) for i in range(50)]
    message = row("bridge/devices", listed, retain=True)
    assert len(message.payload) > 1_200_000
    played = player()
    began = time.process_time()
    played.play([message])
    assert time.process_time() - began < 0.1
    assert len(played.descriptions) == 51
    assert len(msgspec.json.encode(played.states["home/z"].model)) < 50 * 8_192


def test_what_comes_before_the_description_is_asked_for_again_once() -> None:
    played = player()
    listed = row("bridge/devices", [device("lamp")], retain=True)
    early = row("lamp/availability", {"state": "online"}, retain=True)
    other = row("nobody/availability", {"state": "online"}, retain=True)
    played.play([early, other])
    assert played.outcomes[1] == "unknown_entity"
    assert not played.twins
    played.play([listed])  # the player fails if what is retained is asked for again and again
    assert played.twins["home/z~0x1"].presence.status == "unknown"  # a status that was kept proves nothing
    state = played.states["home/z"]
    assert (state.live.refetch, state.live.refetched_ms) == (False, NOW_MS)
    played.play([other, row("bridge/devices", [device("lamp"), device("plug", "0x2")], at_ms=NOW_MS + 1)])
    state = played.states["home/z"]
    assert played.dialect.due(state, NOW_MS + 2).again_ms == NOW_MS + 60_000
    assert played.dialect.due(state, NOW_MS + 60_000).refetch == ("z/#",)


@pytest.mark.parametrize("why", ["revision", "gap"])
def test_a_state_that_was_lost_is_had_from_what_is_retained(why: Any) -> None:
    dialect = Zigbee2MqttDialect((Base("home", "z"), Base("home", "y")), "devices")
    due = dialect.due(dialect.joined(dialect.fresh(), why, NOW_MS), NOW_MS)
    assert due.refetch == ("z/#", "y/#")
    assert due.state is not None
    assert dialect.due(due.state, NOW_MS).refetch == ()
    assert dialect.due(dialect.joined(dialect.fresh(), "new", NOW_MS), NOW_MS).refetch == ()


def test_the_longest_friendly_name_has_the_topic() -> None:
    played = player().play(
        [row("bridge/devices", [device("lamp"), device("lamp/l1", "0x2"), device("a/availability", "0x3")])]
    )
    played.play([row("lamp/l1/state", "ON"), row("lamp/state", "OFF"), row("a/availability", {"state": "ON"})])
    assert values(played, "home/z~0x2") == {"state": True}
    assert values(played, "home/z~0x1") == {"state": False}
    assert values(played, "home/z~0x3") == {"state": True}


def test_a_topic_for_each_value() -> None:
    color = {"type": "composite", "property": "color", "features": [{"type": "numeric", "property": "x", "access": 7}]}
    mode = {"type": "enum", "property": "mode", "access": 1, "values": ["1", "2"]}
    played = player().play([row("bridge/devices", [device("lamp", exposes=[SWITCH, color, mode])])])
    for attribute, payload in (("state", "ON"), ("color-x", "0.4573"), ("mode", "1"), ("linkquality", "33")):
        played.play([row(f"lamp/{attribute}", payload)])
    assert values(played, "home/z~0x1") == {"state": True, "color.x": 0.4573, "mode": "1", "linkquality": 33}
    played.play([row("lamp/action", "single"), row("lamp/action", ""), row("lamp/last_seen", "2026-11-29T09:15:02Z")])
    assert [(name, data) for _, name, data in played.events("home/z~0x1")] == [("action", {"value": "single"})]


def test_1_x_says_each_action_twice_and_then_the_empty_one() -> None:
    played = player().play([row("bridge/devices", [device("remote")])])
    played.play([row("bridge/info", {"version": "1.42.0", "config": {"advanced": {"output": "json"}}})])
    played.play([row("remote", {"action": "single", "action_side": 2, "battery": 3}), row("remote/action", "single")])
    played.play([row("remote", {"action": "", "battery": 3}), row("remote/action", "")])
    assert [data for *_, data in played.events("home/z~0x1")] == [{"value": "single", "action_side": 2}]
    assert set(values(played, "home/z~0x1")) == {"battery"}
    answer = rendered(played, "home/z", "permit_join", time=0)
    assert isinstance(answer, Rendered)
    assert msgspec.json.decode(answer.publications[0].payload)["value"] is False


def test_an_error_is_the_answer_to_a_request() -> None:
    played = player().play([row("bridge/state", "online")])
    played.play([row("bridge/response/permit_join", {"status": "error", "error": "no", "transaction": COMMAND_ID})])
    assert played.answers() == [CommandAck(COMMAND_ID, "rejected", reason="no")]


def test_who_left_is_withdrawn_and_a_renamed_one_stays_the_same() -> None:
    played = player().play([row("bridge/devices", [device("lamp"), device("plug", "0x2")])])
    played.play([row("bridge/devices", [device("kitchen lamp")])])
    assert played.descriptions["home/z~0x1"].name == "kitchen lamp"
    assert played.descriptions["home/z~0x2"].withdrawn


@pytest.mark.parametrize(
    "listed", [{}, "x", 7, None, [None, 7, {}, {"ieee_address": 7}, device("+"), device("bridge/x")]]
)
def test_a_list_that_is_none_makes_nobody(listed: Any) -> None:
    played = player().play([row("bridge/devices", listed)])
    assert set(played.descriptions) <= {"home/z"}


def test_exposes_of_any_kind_are_read_as_far_as_they_can_be() -> None:
    odd = [
        None,
        7,
        {"type": 3},
        {"type": "numeric"},
        {"type": "numeric", "property": "a\0", "unit": 3, "value_min": "x"},
    ]
    nested: Any = {"type": "numeric", "property": "deep", "access": 1}
    for _ in range(30):
        nested = {"type": "composite", "property": "p", "features": [nested]}
    assert [one.metric for one in features([*odd, nested])] == ["a"]
    assert len(features([{"type": "text", "property": f"p{i}"} for i in range(1_000)])) == 200


def test_booleans_that_are_published_as_such_stay_what_they_are() -> None:
    contact = {"type": "binary", "property": "contact", "access": 1, "value_on": False, "value_off": True}
    played = player().play([row("bridge/devices", [device("door", exposes=[contact])]), row("door", {"contact": True})])
    assert values(played, "home/z~0x1") == {"contact": True}


def test_no_base_is_causeways_own() -> None:
    with pytest.raises(ValueError, match="own topic root"):
        Zigbee2MqttDialect((Base("home", "devices/x"),), "devices")


def test_topics_of_bases_within_bases_and_of_downlinks() -> None:
    dialect = Zigbee2MqttDialect((Base("home", "z"), Base("attic", "z/attic")), "devices")
    found = dialect.route("z/attic/bridge/state")
    assert isinstance(found, Route)
    assert (found.source.partition("/")[0], found.detail, found.status) == ("attic", "state", True)
    assert dialect.route("zebra/lamp") is None
    assert dialect.route("z/bridge/request/restart") == dialect.route("z/a/b/set/brightness") == OWN_DOWNLINK


def test_nothing_is_said_of_an_empty_object_or_a_foreign_answer() -> None:
    played = player().play([row("bridge/devices", [device("lamp")])])
    before = len(played.said)
    played.play(
        [row("lamp", {}), row("bridge/response/x", {"transaction": "b1"}), row("bridge/logging", {"level": "info"})]
    )
    assert len(played.said) == before
    assert not any(isinstance(one.what, Telemetry | EventReported) for one in played.said)
    assert any(isinstance(one.what, Described) for one in played.said)


def test_features_of_one_model_are_read_once_and_odd_ones_all_the_same() -> None:
    once = features_in(msgspec.json.encode([SWITCH]))
    assert features_in(msgspec.json.encode([SWITCH])) is once
    odd = [{"type": "numeric", "property": "p", "value_max": 2**70, "label": "\ud800"}, SWITCH]
    assert [one.metric for one in features(odd)] == ["p", "state"]
    large = [{**SWITCH, "description": "x" * 40_000}]
    assert features_in(msgspec.json.encode(large)) == once, "as it is read without being kept"
    assert features_in(b"[1,") == ()


NULL, ODD, EXPOSED = device("lamp"), device("odd"), device("big", "0x3", [{**SWITCH, "description": "x" * 40_000}])
NULL["definition"], ODD["definition"] = None, {"exposes": 7, "vendor": ["x"], "model": 8, "more": {"a": [1]}}


@pytest.mark.parametrize(
    "listed",
    [
        [device("lamp", exposes=[SWITCH]), device("plug", "0x2", [SWITCH])], [EXPOSED], [NULL, {"type": "Coordinator"}],
        [ODD, {**device("x"), "type": ["EndDevice"], "power_source": {}}], [7, device("lamp")], [],
        [{**device("lamp"), "manufacturer": "\ud800"}], [device("lamp", exposes=[{**SWITCH, "label": "\ud800"}])],
        [{**device("lamp"), "definition": [1]}], [device("lamp", exposes=[{**SWITCH, "value_max": 10**400}])],
    ],
)  # fmt: skip
def test_a_list_of_devices_says_the_same_whether_all_of_it_is_read_or_not(listed: list[Any]) -> None:
    payload = json.dumps(listed).encode()
    whole = network.with_devices(Model(), decode_json(payload))
    assert network.with_devices_in(Model(), payload) in (whole, None)
    assert player().play([as_sent(payload)]).states["home/z"].model == whole
    assert player().play([as_sent(payload + b"\0 ")]).states["home/z"].model == whole


def test_what_is_passed_over_is_utf_8_all_the_same() -> None:
    payload = json.dumps([{**device("lamp"), "note": "?"}]).encode().replace(b"?", b"\xff")
    assert player().play([as_sent(payload)]).outcomes[1] == "bad_utf8"


def as_sent(payload: bytes) -> Row:
    return Row(1, "z/bridge/devices", payload, False, False, NOW_MS)
