"""Rules for foreign topics: patterns, payloads, what they say of devices."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.dialect import Route
from bridge.dialects.mapping.dialect import MappingDialect, Mappings, described
from bridge.dialects.mapping.patterns import disjoint
from bridge.dialects.mapping.preview import preview
from bridge.dialects.mapping.rules import Rule, conflict, rule_of
from bridge.messages import Delivery
from bridge.observations import Described, Malformed, Telemetry
from bridge.topic_filters import matches, overlap
from tests.support.dialects.rows import rows

NOW_MS = 1_795_944_900_000


def rule(pattern: str = "haus/{device}/{metric}", payload: str = "number", **more: Any) -> Rule:
    return rule_of({"site": "home", "pattern": pattern, "payload": payload, **more})


def read(mapping: Rule, topic: str, payload: bytes) -> dict[str, Any] | str:
    """The values, or why there are none."""
    route = Mappings([mapping]).route(topic)
    assert isinstance(route, Route)
    fields = (topic, route.source, route.kind, route.detail, payload, NOW_MS)
    delivery = Delivery(*fields, qos=1, retain=False, dup=False, packet_id=1, dialect=route.dialect)
    dialect = MappingDialect()
    what = dialect.read(dialect.fresh(), delivery).said[-1].what
    if isinstance(what, Malformed):
        return what.reason
    assert isinstance(what, Telemetry)
    return dict(what.readings[0].metrics) if what.readings else {}


MAPS = [
    (1, rule(unit="°C"), {"temperatur": 12.4}),
    (1, rule(decimal=","), {"temperatur": 12.4}),
    (2, rule(decimal=","), {"temperatur": 12.4}),
    (2, rule(), "not_a_number"),
    (3, rule(payload="text", words={"an": True, "aus": False}), {"licht": True}),
    (4, rule("meter/{device}/obis/{metric}"), "not_a_number"),
    (5, rule("site/a/{device}/c/json", "json"), {"t": 21.5, "nested.x": 1}),
    (5, rule("site/a/b/{device}/{metric}", "json"), {"json.t": 21.5, "json.nested.x": 1}),
    (
        6,
        rule("raw/u16", "struct", device="r", fields=[{"metric": "v", "path": "0", "type": "u16be", "scale": 0.1}]),
        {"v": 25.8},
    ),
]


@pytest.mark.parametrize(("row", "mapping", "found"), MAPS)
def test_the_corpus(row: int, mapping: Rule, found: Any) -> None:
    one = rows("maps")[row - 1]
    assert read(mapping, one.topic, one.payload) == found


@pytest.mark.parametrize(
    ("mapping", "payload", "found"),
    [
        (rule(decimal=","), b"1.234,5", {"m": 1234.5}),
        (rule(scale=0.1), b"258", {"m": 25.8}),
        (rule(), b"nan", {"m": None}),
        (rule(words={"aus": 0}), b"aus", {"m": 0}),
        (rule(payload="text"), b" \xc3\xbcber \0", {"m": "über"}),
        (rule(payload="text"), b"\xff", "bad_utf8"),
        (rule(payload="pairs"), b"t=1.5;h=60 s=ok", {"m.t": 1.5, "m.h": 60, "m.s": "ok"}),
        (rule(payload="pairs", separator="|", fields=[{"metric": "x", "path": "a b"}]), b"a b=7|c=8", {"m.x": 7}),
        (rule(payload="pairs"), b"nothing", "not_an_object"),
        (
            rule(payload="csv", fields=[{"metric": "a", "path": "2"}, {"metric": "b", "path": "9"}]),
            b"1,2,3",
            {"m.a": 3},
        ),
        (
            rule(payload="csv", separator=";", decimal=",", fields=[{"metric": "a", "path": "1"}]),
            b"x;2,5",
            {"m.a": 2.5},
        ),
        (rule(payload="json"), b"[1]", "not_an_object"),
        (rule(payload="json"), b"{", "bad_json"),
        (rule(payload="json", words={"on": True}), b'{"s":"on"}', {"m.s": True}),
        (
            rule(
                payload="json",
                fields=[{"metric": "x", "path": "/a/0/b~1c", "scale": 10}, {"metric": "y", "path": "/z"}],
            ),
            b'{"a":[{"b/c":"1.5"}]}',
            {"m.x": 15.0},
        ),
        (rule(payload="struct", hex=True, fields=[{"metric": "i", "path": "1", "type": "i8"}]), b"00 fb", {"m.i": -5}),
        (rule(payload="struct", hex=True, fields=[{"metric": "i", "path": "1", "type": "i8"}]), b"0", "not_a_number"),
        (rule(payload="struct", fields=[{"metric": "f", "path": "0", "type": "f32le"}]), b"\0\0\0", "not_a_number"),
    ],
)
def test_payloads(mapping: Rule, payload: bytes, found: Any) -> None:
    assert read(mapping, "haus/d/m", payload) == found


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"pattern": "$SYS/{device}/{metric}"}, "pattern: topics that begin with"),
        ({"pattern": "{device}/x/{metric}"}, "pattern: its first level"),
        ({"pattern": "+/x/{device}/{metric}"}, "pattern: its first level"),
        ({"pattern": "a/#"}, "pattern: it has no #"),
        ({"pattern": "a/{device}/{device}/{metric}"}, "pattern: {device} and"),
        ({"pattern": "a/x{device}/{metric}"}, "pattern: {device} or"),
        ({"pattern": "a/b+/{device}/{metric}"}, "pattern: '\\+'"),
        ({"pattern": "a/{metric}"}, "device: say it"),
        ({"device": "x"}, "device: say it"),
        ({"pattern": "a/{device}"}, "metric: say it"),
        ({"payload": "csv"}, "fields: csv needs some"),
        ({"fields": [{"metric": "x"}]}, "fields: number has none"),
        ({"payload": "json", "fields": [{"metric": "x", "path": "a"}]}, "path: a JSON pointer"),
        ({"payload": "json", "fields": [{"metric": "x"}, {"metric": "x"}]}, "two have the same"),
        ({"payload": "struct", "fields": [{"metric": "x", "path": "0", "type": "u24"}]}, "type: one of"),
        ({"payload": "csv", "fields": [{"metric": "x", "path": "-1"}]}, "path: a number"),
        ({"payload": "xml"}, "Invalid enum value"),
        ({"site": "a/b"}, "site: "),
        ({"colour": 1}, "unknown field"),
        ({"scale": "x"}, "Expected `float`"),
    ],
)
def test_a_rule_that_can_not_be_says_why(members: dict[str, Any], fault: str) -> None:
    base = {"site": "home", "pattern": "haus/{device}/{metric}", "payload": "number"}
    with pytest.raises(ValueError, match=fault):
        rule_of({**base, **members})


@pytest.mark.parametrize(
    ("pattern", "whose"),
    [
        ("devices/{device}/{metric}", "causeway"),
        ("causeway/{device}/{metric}", "causeway"),
        ("z/{device}/{metric}", "zigbee2mqtt"),
        ("haus/{device}/{metric}", ""),  # haus/status/x stays Shelly's
        ("haus/status/{metric}", "shelly"),
        ("haus/{device}/rpc", ""),
    ],
)
def test_other_peoples_topics_are_not_taken(pattern: str, whose: str) -> None:
    taken = [("zigbee2mqtt", "z/#"), ("shelly", "+/online"), ("shelly", "+/status/+")]
    names = {name: "x" for name in ("device", "metric") if f"{{{name}}}" not in pattern}
    assert conflict(rule(pattern, **names), "devices", taken) == whose


def test_a_literal_level_beats_a_place_and_the_first_of_two_counts() -> None:
    mappings = Mappings(
        [
            rule("a/{device}/{metric}", unit="1"),
            rule("a/b/{metric}", device="x", unit="2"),
            rule("a/{device}/+", metric="m", unit="3"),
            rule("a/c/{metric}", device="off", enabled=False),
        ]
    )
    routes = [mappings.route(topic) for topic in ("a/b/m", "a/c/m", "a/c", "a/b/c/d", "b/c/d")]
    assert [route and route.source for route in routes] == ["home/x", "home/c", None, None, None]


LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=3).map(lambda rest: "/".join(["r", *rest]))


@given(st.lists(LEVELS, max_size=8), st.lists(st.sampled_from("ab"), min_size=1, max_size=3))
def test_what_is_subscribed_to_brings_each_message_once(filters: list[str], levels: list[str]) -> None:
    topic = "/".join(["r", *levels])
    found = disjoint(filters)
    assert not any(overlap(one, other) for one in found for other in found if one != other)
    assert any(matches(one, topic) for one in filters) <= (sum(matches(one, topic) for one in found) == 1)


def test_a_device_is_described_once_and_again_when_a_rule_says_more() -> None:
    dialect, state = MappingDialect(), MappingDialect().fresh()
    said_of_it = []
    for unit in ("°C", "°C", "K"):
        route = Mappings([rule(unit=unit, label="Temperature")]).route("haus/keller/t")
        assert route
        fields = ("haus/keller/t", route.source, route.kind, route.detail, b"1", NOW_MS)
        delivery = Delivery(*fields, qos=1, retain=False, dup=False, packet_id=1, dialect="mapping")
        reading = dialect.read(state, delivery)
        state = reading.state or state
        said_of_it += [said.what.description for said in reading.said if isinstance(said.what, Described)]
    assert [(one.name, one.properties[0].unit, one.properties[0].label) for one in said_of_it] == [
        ("keller", "°C", "Temperature"),
        ("keller", "K", "Temperature"),
    ]


def test_a_preview_says_what_becomes_of_each_message() -> None:
    heard = [("haus/keller/t", b"12,4"), ("haus/keller/x", b"?"), ("haus/a b/t", b"7"), ("other/x/y", b"1")]
    found = preview(rule(decimal=","), heard, NOW_MS)
    assert found[0] == {"topic": "haus/keller/t", "device": "home/keller", "metrics": {"t": 12.4}}
    assert found[1]["reason"] == "not_a_number"
    assert found[2]["device"].startswith("home/a-b.")
    assert len(found) == 3


@pytest.mark.parametrize(
    ("one", "kinds"),
    [
        (rule("s/{device}", "struct", fields=[{"metric": "x", "path": "0", "type": "u8"}]), {"x": "number"}),
        (rule("c/{device}", "csv", fields=[{"metric": "x", "path": "0", "scale": 0.1}]), {"x": "number"}),
        (rule("j/{device}", "json", fields=[{"metric": "x", "unit": "W"}, {"metric": "y"}]), {"x": "number"}),
    ],
)
def test_what_a_field_is_is_said_only_where_it_is_known(one: Rule, kinds: dict[str, str]) -> None:
    assert {said.metric: said.kind for said in described(one, "")} == kinds


@given(st.binary(max_size=80), st.sampled_from(["number", "text", "json", "pairs", "csv", "struct"]))
def test_any_payload_is_read_or_refused(payload: bytes, kind: str) -> None:
    fields = [{"metric": "x", "path": "0", "type": "u16be"}] if kind == "struct" else [{"metric": "x", "path": "0"}]
    more: dict[str, Any] = {"fields": fields} if kind in ("csv", "struct") else {}
    route = Mappings([rule(payload=kind, **more)]).route("haus/d/m")
    assert route
    delivery = Delivery("haus/d/m", route.source, route.kind, route.detail, payload, NOW_MS, 1, False, False, 1)
    dialect = MappingDialect()
    assert dialect.read(dialect.fresh(), delivery).said
