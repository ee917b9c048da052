"""Mappings in a gateway: what is subscribed to, and whose a topic is."""

from bridge.dialects.builtin import parse_dialects
from bridge.dialects.dialect import RejectedTopic
from bridge.dialects.mapping.rules import Rule
from bridge.dialects.registry import dialects
from bridge.topic_filters import matches
from mqtt_gateway.rules.dynamic_filters import NO_FILTERS, Guard
from mqtt_gateway.rules.filter_owners import FilterOwners, identifier
from mqtt_gateway.rules.routing import Routed, router


def rule(pattern: str, device: str = "") -> Rule:
    return Rule("home", pattern, "number", device)


SPOKEN = dialects("devices", parse_dialects("native,homie@home"))
FOUND = Guard(SPOKEN, "devices").with_mappings(
    NO_FILTERS,
    [rule("haus/{device}/{metric}"), rule("haus/pump/{metric}", device="p"), rule("homie/{device}/{metric}")],
)


def test_what_is_subscribed_to_brings_nothing_twice_and_nothing_of_others() -> None:
    assert list(FOUND.filters) == ["haus/+/+"]
    assert [(one.filter.topic_filter, why) for one, why in FOUND.refused.items()] == [("homie/+/+", "other_dialect")]


def test_a_topic_is_routed_by_its_rule_unless_a_dialect_has_it() -> None:
    route = router(SPOKEN, 4, FOUND)
    routed = [route(topic) for topic in ("haus/roof/t", "haus/pump/t", "devices/a/b/telemetry", "homie/car/$state")]
    assert [(one.dialect, one.source) for one in routed if isinstance(one, Routed)] == [
        ("mapping", "home/roof"),
        ("mapping", "home/p"),
        ("", "a/b"),
        ("homie", "home/homie"),
    ]
    assert route("other/roof/t") == RejectedTopic("foreign_root")


def test_beside_shelly_a_rule_has_all_topics_but_shellys() -> None:
    spoken = dialects("devices", parse_dialects("native,shelly@home"))
    found = Guard(spoken, "devices").with_mappings(NO_FILTERS, [rule("weather/{device}/{metric}")])
    assert list(found.filters) == ["weather/+/+"]
    route = router(spoken, 4, found)
    routed = [route(topic) for topic in ("weather/roof/t", "weather/status/sys", "weather/events/rpc")]
    assert [one.dialect for one in routed if isinstance(one, Routed)] == ["mapping", "shelly", "shelly"]
    owners = FilterOwners()
    owners.begin([one.topic_filter for one in spoken.filters] + list(found.filters), needed=True)
    for topic in ("weather/roof/t", "weather/status/sys"):  # each counts once, by whichever copy
        matching = [one for one in (*found.filters, "+/status/+") if matches(one, topic)]
        assert [owners.is_copy(topic, [identifier(one)], retained=False) for one in matching].count(False) == 1
