"""Discovery beyond its corpora: whose devices and topics they are, floods, availability, births, what is refused."""

import time
from typing import Any

import msgspec
import pytest

from bridge.dialects.dialect import TOPIC, Base, Command, Refused, RejectedTopic, Rendered, Route
from bridge.dialects.homeassistant.dialect import HomeAssistantDialect
from bridge.dialects.homeassistant.topics import Guard
from bridge.dialects.zigbee2mqtt.dialect import Zigbee2MqttDialect
from bridge.topic_filters import matches
from tests.support.dialects.player import Player, model, values
from tests.support.dialects.rows import CORPORA, Row, rows

NOW_MS = 1_795_944_900_000
COMMAND_ID = "0d9bb5a2-6a0c-4f5e-8d0e-1f2a3b4c5d6e"


def dialect(**options: Any) -> HomeAssistantDialect:
    return HomeAssistantDialect((Base("home"),), "devices", **options)


def player() -> Player:
    return Player(dialect())


def row(topic: str, payload: Any, *, retain: bool = False) -> Row:
    content = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
    return Row(1, topic, content, retain, False, NOW_MS)


def config(at: str, device: Any = "d", **options: Any) -> Row:
    block = device if isinstance(device, dict) else {"ids": [device]}
    return row(f"homeassistant/{at}/config", {"dev": block, "name": "N", **options}, retain=True)


def rendered(played: Player, device: str, name: str, **args: Any) -> Rendered | Refused:
    command = Command(COMMAND_ID, name, msgspec.json.encode(args), NOW_MS + 60_000)
    return played.dialect.render(played.states["home/ha"], device, command, NOW_MS)


# Topics --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic",
    [
        "a/#",
        "#",
        "+",
        "+/b",
        "a/+/c",
        "+/+",
        "devices/x/y/telemetry",
        "devices",
        "$SYS/x",
        "+/+/+/telemetry",
        "+/+/x/status",
        "",
        "a" * 600,
        "a\0b",
        "spBv1.0/g/NCMD/n",
        "shellies/command",
        "zigbee2mqtt/bridge/request/restart",
        "causeway/x",
    ],
)
def test_topics_that_are_never_read(topic: str) -> None:
    assert Guard("devices", ("homeassistant",)).refuses_reading(topic)


@pytest.mark.parametrize(
    "topic",
    [
        "devices/x/y/command/1/open",
        "zigbee2mqtt/bridge/request/restart",
        "$SYS/x",
        "a/#",
        "a/+",
        "homeassistant/switch/x/config",
        "homeassistant/status",
        "spBv1.0/g/DCMD/n/d",
        "shellies/command",
        "z/bridge/config/permit_join",
    ],
)
def test_topics_that_are_never_told(topic: str) -> None:
    assert Guard("devices", ("homeassistant",)).refuses_telling(topic)
    played = player().play([config("switch/n/x", cmd_t=topic, stat_t="x/state"), row("x/state", "ON")])
    (prop,) = played.descriptions["home/ha~d"].properties
    assert (prop.settable, prop.note) == (False, "it is told on a topic that is not allowed")
    assert isinstance(rendered(played, "home/ha~d", "set", **{"switch.x": True}), Refused)


def test_a_wildcard_is_read_where_discovery_really_has_one() -> None:
    played = player().play(
        [config("sensor/n/t", stat_t="+/+/BTtoMQTT/AABBCC", val_tpl="{{ value_json.t }}", unit_of_meas="°C")]
    )
    played.play([row("home/gw/BTtoMQTT/AABBCC", {"t": 4.5})])
    assert values(played, "home/ha~d") == {"t": 4.5}


def test_a_topic_that_no_entity_named_is_nobodys() -> None:
    played = player().play([config("sensor/n/t", stat_t="x/t")])
    assert played.dialect.route("x/t") is None
    assert played.dialect.route("homeassistant/a/config") == RejectedTopic("no_discovery")
    assert played.dialect.route("homeassistant/sensor/n/t/config") == Route(
        "homeassistant", "home/ha", "config", "sensor/n/t"
    )
    assert TOPIC == "topic"
    assert {one.topic_filter for one in played.broker.wanted["home/ha"]} == {"x/t"}


# Devices -------------------------------------------------------------------------------------------------------------


def test_messages_that_share_an_identifier_or_a_connection_are_one_device_in_any_order() -> None:
    announced = [
        config("sensor/n/a", {"cns": [["mac", "aa:bb"]], "name": "Box"}, stat_t="x/a"),
        config("sensor/n/b", {"ids": ["box"], "cns": [["mac", "aa:bb"]], "mf": "M"}, stat_t="x/b"),
        config("sensor/n/c", {"ids": "abox"}, stat_t="x/c"),
        config("sensor/n/d", {"ids": ["box", "abox"], "sw": "1"}, stat_t="x/d"),
    ]
    states = [row(f"x/{name}", name) for name in "abcd"]
    found = [player().play([*order, *states]) for order in (announced, announced[::-1], announced[2:] + announced[:2])]
    assert [model(one) for one in found[1:]] == [model(found[0])] * 2
    assert set(found[0].twins) == {"home/ha~abox"}
    assert values(found[0], "home/ha~abox") == {"a": "a", "b": "b", "c": "c", "d": "d"}
    described = found[0].descriptions["home/ha~abox"]
    assert (described.name, described.manufacturer, described.firmware) == ("Box", "M", "1")


def test_a_device_that_was_heard_keeps_its_key() -> None:
    played = player().play([config("sensor/n/b", "box", stat_t="x/b"), row("x/b", "1")])
    played.play([config("sensor/n/c", {"ids": ["abox", "box"]}, stat_t="x/c"), row("x/c", "2")])
    assert set(played.twins) == {"home/ha~box"}


def test_what_is_retained_of_a_dead_device_makes_none() -> None:
    played = player().play([config("sensor/n/t", stat_t="x/t"), config("sensor/n/u", stat_t="x/u", avty_t="x/online")])
    assert not played.twins
    assert not played.descriptions
    assert played.outcomes[1] == "", "it was understood"
    played.play([row("x/online", "offline")])
    assert set(played.twins) == {"home/ha~d"}


def test_two_entities_of_one_name_in_a_device_are_told_apart_in_any_order() -> None:
    announced = [config("sensor/one/t", stat_t="x/1"), config("sensor/two/t", stat_t="x/2")]
    states = [row("x/1", "1"), row("x/2", "2")]
    for order in (announced, announced[::-1]):
        assert values(player().play([*order, *states]), "home/ha~d") == {"t": "1", "t.two": "2"}


def test_the_same_device_by_zigbee2mqtts_export_and_by_zigbee2mqtt_is_one() -> None:
    zigbee = Player(Zigbee2MqttDialect((Base("home"),), "devices")).play(rows("zigbee2mqtt")[:14])
    discovery = player().play([one for one in rows("ha-discovery") if b"zigbee2mqtt" in one.payload])
    assert [key for key in zigbee.twins if "0x00158d0001a2b3c4" in key] == ["home/zigbee2mqtt~0x00158d0001a2b3c4"]
    assert set(discovery.outcomes.values()) == {"other_dialect"}
    assert not discovery.twins
    assert discovery.broker.wanted["home/ha"] == ()


def test_our_own_export_is_never_taken_back() -> None:
    played = player().play([config("sensor/n/t", stat_t="x/t", o={"name": "Causeway"})])
    assert played.outcomes[1] == "own_export"
    assert played.broker.wanted["home/ha"] == ()


# Values --------------------------------------------------------------------------------------------------------------


def test_a_template_that_is_not_understood_is_noted_and_its_value_unknown() -> None:
    (bad,) = [one for one in rows("ha-discovery") if b"endfor" in one.payload]
    began = time.process_time()
    played = player().play([bad])
    assert time.process_time() - began < 0.01
    played.play([row("a/b", "5")])
    assert not values(played, "home/ha~bad")
    played.play([config("sensor/bad/y", "bad", stat_t="a/y"), row("a/y", "ok")])
    noted = {one.metric: one.note for one in played.descriptions["home/ha~bad"].properties}
    assert noted["x"].startswith("template not understood: a statement other than if and set: {% for i in range(")
    assert values(played, "home/ha~bad") == {"y": "ok"}


@pytest.mark.parametrize(
    ("component", "options", "payloads", "metrics"),
    [
        ("sensor", {"stat_t": "s", "stat_cla": "total"}, {"s": "7"}, {"x": 7}),
        ("sensor", {"stat_t": "s"}, {"s": "007"}, {"x": "007"}),
        ("sensor", {"stat_t": "s", "unit_of_meas": "W"}, {"s": "unavailable"}, {"x": None}),
        ("sensor", {"stat_t": "s", "dev_cla": "timestamp"}, {"s": "2026-11-29T09:00Z"}, {"x": "2026-11-29T09:00Z"}),
        ("binary_sensor", {"stat_t": "s", "pl_on": True, "pl_off": False}, {"s": "True"}, {"binary_sensor.x": True}),
        ("binary_sensor", {"stat_t": "s"}, {"s": "maybe"}, {}),
        (
            "light",
            {"stat_t": "s", "bri_stat_t": "b", "cmd_t": "c"},
            {"s": "ON", "b": "99"},
            {"light.x.state": True, "light.x.brightness": 99},
        ),
        (
            "fan",
            {"cmd_t": "c", "stat_t": "s", "pct_stat_t": "p", "osc_stat_t": "o"},
            {"s": "ON", "p": "3", "o": "oscillate_off"},
            {"fan.x.state": True, "fan.x.percentage": 3, "fan.x.oscillation": False},
        ),
        ("cover", {"stat_t": "s", "stat_open": "1", "stat_clsd": "0"}, {"s": "1"}, {"cover.x.state": "open"}),
        ("lock", {"cmd_t": "c", "stat_t": "s"}, {"s": "LOCKED"}, {"lock.x.state": "LOCKED"}),
        (
            "update",
            {"stat_t": "s"},
            {"s": '{"installed_version":"1","latest_version":"2"}'},
            {"update.x.installed_version": "1", "update.x.latest_version": "2"},
        ),
        (
            "update",
            {"stat_t": "s", "l_ver_t": "l"},
            {"s": "1.0", "l": "2.0"},
            {"update.x.installed_version": "1.0", "update.x.latest_version": "2.0"},
        ),
        (
            "vacuum",
            {"stat_t": "s", "cmd_t": "c"},
            {"s": '{"state":"docked","battery_level":61}'},
            {"vacuum.x.state": "docked", "vacuum.x.battery_level": 61},
        ),
        (
            "humidifier",
            {"cmd_t": "c", "hum_cmd_t": "h", "hum_stat_t": "hs"},
            {"hs": "45"},
            {"humidifier.x.target_humidity": 45},
        ),
        (
            "device_tracker",
            {"stat_t": "s", "json_attr_t": "a"},
            {"s": "home", "a": '{"latitude":52.1}'},
            {"device_tracker.x": "home", "device_tracker.x.attr.latitude": 52.1},
        ),
        ("lawn_mower", {"activity_state_topic": "s"}, {"s": "mowing"}, {"lawn_mower.x.activity": "mowing"}),
    ],
)
def test_what_components_report(component: str, options: Any, payloads: Any, metrics: Any) -> None:
    played = player().play([config(f"{component}/n/x", **options)])
    played.play([row(topic, payload) for topic, payload in payloads.items()])
    assert values(played, "home/ha~d") == metrics


def test_pictures_are_never_subscribed_to() -> None:
    played = player().play([config("camera/n/x", topic="cam"), config("image/n/x", url_topic="img", image_topic="i")])
    assert played.broker.wanted["home/ha"] == ()


def test_attributes_on_the_states_own_topic_come_once() -> None:
    played = player().play([config("sensor/n/x", stat_t="s", val_tpl="{{ value_json.x }}", json_attr_t="s")])
    assert values(played.play([row("s", {"x": "1", "y": 2})]), "home/ha~d") == {"x": "1"}


@pytest.mark.parametrize(
    ("mode", "heard", "online"),
    [
        ("all", {"a": "online"}, None),
        ("all", {"a": "online", "b": "online"}, True),
        ("all", {"a": "online", "b": "offline"}, False),
        ("any", {"a": "offline", "b": "online"}, True),
        ("any", {"a": "offline"}, None),
        ("latest", {"a": "online", "b": "offline"}, False),
        ("latest", {"b": "offline", "a": "online"}, True),
    ],
)
def test_modes_of_availability(mode: str, heard: dict[str, str], online: bool | None) -> None:
    played = player().play(
        [config("sensor/n/x", stat_t="s", avty=[{"t": "a"}, {"t": "b"}], avty_mode=mode), row("s", "1")]
    )
    played.play([row(topic, payload) for topic, payload in heard.items()])
    twin = played.twins["home/ha~d"]
    assert (twin.presence.status == "online" and twin.unconfirmed is None) is (online is not False)
    (prop,) = played.descriptions["home/ha~d"].properties
    assert prop.available is (online is not False)


# Commands ------------------------------------------------------------------------------------------------------------


def test_a_button_is_pressed_once_and_a_command_template_has_its_value() -> None:
    played = player().play(
        [config("button/n/x", cmd_t="b"), config("select/n/m", cmd_t="m", ops=["a", "b"], cmd_tpl="<{{ value }}>")]
    )
    pressed = rendered(played, "home/ha~d", "button.x")
    assert isinstance(pressed, Rendered)
    assert (pressed.publications[0].payload, pressed.ack, pressed.retry) == (b"PRESS", "none", "once")
    chosen = rendered(played, "home/ha~d", "set", **{"select.m": "b"})
    assert isinstance(chosen, Rendered)
    assert chosen.publications[0].payload == b"<b>"
    for name, args in (("set", {"select.m": "c"}), ("set", {}), ("explode", {}), ("button.x", {"y": 1})):
        assert isinstance(rendered(played, "home/ha~d", name, **args), Refused)


def test_a_command_template_that_makes_too_much_is_refused() -> None:
    source = "{% set a = value %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}"
    played = player().play([config("text/n/x", cmd_t="t", cmd_tpl=source)])
    refused = rendered(played, "home/ha~d", "set", **{"text.x": "x" * 100})
    assert isinstance(refused, Refused)
    assert refused.reason == "bad_template"


# Floods and births ---------------------------------------------------------------------------------------------------


def test_floods_are_bounded() -> None:
    played = player()
    components = {f"c{i}": {"p": "sensor", "stat_t": "same"} for i in range(480)}
    played.play([row("homeassistant/device/x/config", {"dev": {"ids": ["x"]}, "cmps": components}, retain=True)])
    entities = played.states["home/ha"].model.entities
    assert len(entities) == 200  # on one topic
    began = time.process_time()
    played.play([row("same", "1")])
    assert time.process_time() - began < 0.1


def test_what_many_entities_take_from_one_large_object_is_bounded_together() -> None:
    played = player()
    options = {"stat_t": "x/state", "json_attr_t": "x/attributes"}
    played.play([config(f"sensor/s{number}", "d", uniq_id=str(number), **options) for number in range(100)])
    large = {f"member {number}": number for number in range(5_000)}
    began = time.process_time()
    played.play([row("x/attributes", large)])
    assert time.process_time() - began < 0.3  # 100 times 5,000 values would take seconds
    assert len(values(played, "home/ha~d")) <= 2_000


def test_home_assistants_birth_is_published_where_there_is_none() -> None:
    born = dialect(is_born=True)
    state = born.joined(born.fresh(), "new", NOW_MS)
    assert born.due(state, NOW_MS).publications == ()
    due = born.due(state, NOW_MS + 5_000)
    assert [(one.topic, one.payload, one.retain) for one in due.publications] == [
        ("homeassistant/status", b"online", False)
    ]
    assert due.state is not None
    assert born.due(due.state, NOW_MS + 9_000).publications == ()
    played = Player(born).play([row("homeassistant/status", "online", retain=True)])
    assert born.due(played.states["home/ha"], NOW_MS + 9_000).publications == ()
    assert dialect().due(dialect().joined(dialect().fresh(), "new", NOW_MS), NOW_MS + 9_000).publications == ()


def test_a_state_that_was_lost_is_had_from_what_is_retained() -> None:
    lost = dialect().joined(dialect().fresh(), "revision", NOW_MS)
    assert dialect().due(lost, NOW_MS).refetch == ("homeassistant/+/+/config", "homeassistant/+/+/+/config")


def test_every_discovery_topic_of_the_corpora_is_subscribed_to() -> None:
    for corpus in ("ha-discovery", "esphome"):
        for one in rows(corpus):
            if one.topic.endswith("/config"):
                assert any(matches(each.topic_filter, one.topic) for each in dialect().filters())
    assert CORPORA.is_dir()


def test_no_prefix_is_causeways_own() -> None:
    with pytest.raises(ValueError, match="own topic root"):
        HomeAssistantDialect((Base("home", "devices"),), "devices")
