"""Which filters of sources are taken, and whose a topic is by them."""

import pytest

from bridge.dialects.dialect import (
    TOPIC,
    Filter,
    Reading,
    Refused,
    Rendered,
    Route,
    SimpleDialect,
    Sorted,
    WantedFilter,
)
from bridge.dialects.native.dialect import NativeDialect
from bridge.dialects.registry import Dialects
from mqtt_gateway.rules.dynamic_filters import MOST_OF_A_SOURCE, Guard
from mqtt_gateway.rules.routing import Routed, router


class Based(SimpleDialect):
    """All of one base is its own; it publishes on …/set."""

    def __init__(self, name: str, *filters: str) -> None:
        self.name, self._filters = name, filters

    def filters(self) -> tuple[Filter, ...]:
        return tuple(Filter(one) for one in self._filters)

    def downlinks(self) -> tuple[str, ...]:
        return (f"{self.name}/+/set",)

    def route(self, topic: str) -> Sorted | None:
        mine = topic.startswith(f"{self.name}/") or (topic.endswith("/online") and self.name == "shelly")
        return Route(self.name, f"home/{self.name}", "its") if mine else None

    def example(self, source: str) -> str:
        return f"{self.name}/{source}"

    def read(self, _state: object, _delivery: object) -> Reading:
        return Reading()

    def render(self, *_args: object) -> Rendered | Refused:
        return Refused("unknown_command")


KNOWN = Dialects(NativeDialect("devices"), Based("z2m", "z2m/#"), Based("shelly", "+/online"), Based("ha", "ha/#"))


@pytest.fixture
def guard() -> Guard:
    return Guard(KNOWN, "devices")


@pytest.mark.parametrize(
    ("topic_filter", "reason"),
    [
        ("a/#", "multi_level"),
        ("#", "multi_level"),
        ("$SYS/x", "system_topics"),
        ("devices/a/b/telemetry", "own_topics"),
        ("+/a/b/telemetry", "own_topics"),
        ("+/a/b/command/+/go", "own_topics"),
        ("+/gateway/x/marker", "own_topics"),
        ("causeway/gateway/g/marker", "own_topics"),
        ("causeway/rpc/x", "own_topics"),
        ("z2m/lamp/set", "downlink"),
        ("+/lamp/set", "downlink"),
        ("z2m/lamp", "other_dialect"),
        ("a/+", "wildcard"),
        ("+/+", "wildcard"),
        ("a/+/b/+", "wildcard"),
        ("a//b\0", "bad_filter"),
        ("a/b#", "bad_filter"),
        ("", "bad_filter"),
        ("x/online", ""),
        ("lamp/state", ""),
        ("+/+/BTtoMQTT/AABBCC", ""),
        ("haus/wetter/tele/+", ""),
    ],
)
def test_what_is_refused(guard: Guard, topic_filter: str, reason: str) -> None:
    assert guard.refusal("ha", topic_filter) == reason


def test_the_first_dialect_in_the_list_may_have_what_a_later_one_has_by_its_base(guard: Guard) -> None:
    assert guard.refusal("z2m", "ha/lamp") == ""
    assert guard.refusal("nobody", "ha/lamp") == "unknown_dialect"


def wanted(topic_filter: str, source: str = "home/ha", dialect: str = "ha") -> WantedFilter:
    return WantedFilter(dialect, source, Filter(topic_filter, keep=True))


def test_an_exact_topic_goes_to_the_source_that_wants_it_before_anybody_is_asked(guard: Guard) -> None:
    dynamic = guard.judge([wanted("x/online"), wanted("+/+/BTtoMQTT/AA"), wanted("z2m/lamp")])
    route = router(KNOWN, 4, dynamic)
    exact = route("x/online")
    assert isinstance(exact, Routed)
    assert (exact.source, exact.dialect, exact.kind, exact.detail, exact.keep) == (
        "home/ha",
        "ha",
        TOPIC,
        "x/online",
        True,
    )
    by_wildcard, others = route("home/gw/BTtoMQTT/AA"), route("y/online")
    assert isinstance(by_wildcard, Routed)
    assert (by_wildcard.source, by_wildcard.detail) == ("home/ha", "home/gw/BTtoMQTT/AA")
    assert isinstance(others, Routed)
    assert others.dialect == "shelly"
    lamp = route("z2m/lamp")
    assert isinstance(lamp, Routed)
    assert lamp.dialect == "z2m"
    assert list(dynamic.refused.values()) == ["other_dialect"]


def test_what_two_sources_want_is_the_firsts(guard: Guard) -> None:
    both = [wanted("lamp/state", "home/ha2"), wanted("lamp/state"), wanted("lamp/state", "home/z", "z2m")]
    dynamic = guard.judge(both)
    assert dynamic.exact["lamp/state"].source == "home/z"
    assert sorted(dynamic.refused.values()) == ["taken", "taken"]


def test_a_source_may_have_so_many(guard: Guard) -> None:
    dynamic = guard.judge(wanted(f"lamp/{number}") for number in range(MOST_OF_A_SOURCE + 3))
    assert len(dynamic.exact) == MOST_OF_A_SOURCE
    assert list(dynamic.refused.values()) == ["too_many"] * 3


def test_hearing_all_what_nobody_listens_to_is_not_ours() -> None:
    route = router(KNOWN, 4, hears_all=True)
    assert not isinstance(route("some/thing"), Routed)
    assert isinstance(route("z2m/lamp"), Routed)
