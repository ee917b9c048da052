"""Homie beyond its corpus: topics, and devices that come back, grow and go."""

import pytest

from bridge.dialects.dialect import OWN_DOWNLINK, Base, RejectedTopic, Route
from bridge.dialects.homie.dialect import HomieDialect
from bridge.observations import Described, StatusReported
from tests.support.dialects.player import Player
from tests.support.dialects.rows import Row, rows

NOW_MS = 1_795_944_900_000


def dialect() -> HomieDialect:
    return HomieDialect([Base("home"), Base("attic", "up/homie")], "devices")


@pytest.mark.parametrize(
    ("topic", "kind", "source"),
    [
        ("homie/5/car/$state", "state", "home/homie"),
        ("up/homie/car/$state", "state", "attic/up-homie.0d0a3d4a35"),
        ("homie/5/car/$description", "description", "home/homie"),
        ("homie/5/car/engine/speed/$target", "target", "home/homie"),
        ("homie/car/$fw/version", "attribute", "home/homie"),
        ("homie/car/engine/speed/$unit", "attribute", "home/homie"),
        ("homie/car/engine/speed", "value", "home/homie"),
    ],
)
def test_topics(topic: str, kind: str, source: str) -> None:
    route = dialect().route(topic)
    assert isinstance(route, Route)
    assert (route.kind, route.status) == (kind, kind == "state")
    assert route.source.partition(".")[0] == source.partition(".")[0]


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("homie/5/car/engine/speed/set", OWN_DOWNLINK),
        ("homie/car/engine/speed/set", OWN_DOWNLINK),
        ("homie/$broadcast/alert", OWN_DOWNLINK),
        ("homie/5/car", RejectedTopic("odd_levels")),
        ("homie/5/car//speed", RejectedTopic("odd_levels")),
        ("homie/car/$stats/uptime", RejectedTopic("ignored")),
        ("homie/5/car/$mystery", RejectedTopic("unknown_suffix")),
        ("homiecide/car/$state", None),
        ("homie", None),
    ],
)
def test_topics_that_are_no_uplink(topic: str, found: object) -> None:
    assert dialect().route(topic) == found


@pytest.mark.parametrize("base", ["devices/homie", "a/+", "#"])
def test_a_base_is_a_topic_outside_of_causeways_own(base: str) -> None:
    with pytest.raises(ValueError, match="its base is a topic"):
        HomieDialect([Base("home", base)], "devices")


def test_what_is_retained_is_asked_for_once_when_devices_have_described_themselves() -> None:
    player = Player(dialect()).play(rows("homie")[:3])
    state = player.states["home/homie"]
    first = player.dialect.due(state, NOW_MS + 3_100)
    assert (first.refetch, first.again_ms) == ((), NOW_MS + 4_000)
    second = player.dialect.due(state, NOW_MS + 4_000)
    assert second.refetch == ("homie/#", "up/homie/#")
    assert second.state is not None
    assert player.dialect.due(second.state, NOW_MS + 5_000).refetch == ()


def test_a_child_comes_back_with_the_one_that_has_the_connection() -> None:
    player = Player(dialect()).play(rows("homie")[:23])
    player.play([Row(99, "homie/5/super-car/$state", b"ready", True, False, NOW_MS + 99_000)])
    assert [one.device for one in player.said[-2:]] == ["home/homie~super-car", "home/homie~super-car-radio"]
    assert [one.what for one in player.said[-2:]] == [StatusReported(online=True)] * 2


def test_a_device_that_was_removed_may_describe_itself_again() -> None:
    player = Player(dialect()).play(rows("homie")[:24])
    assert player.descriptions["home/homie~super-car"].withdrawn
    player.play(rows("homie")[:4])
    assert not player.descriptions["home/homie~super-car"].withdrawn


def test_a_version_4_device_that_clears_its_attributes_is_withdrawn() -> None:
    player = Player(dialect()).play(rows("homie"))
    player.play([Row(99, "homie/garden-pump/$nodes", b"", True, False, NOW_MS + 99_000)])
    assert player.descriptions["home/homie~garden-pump"].withdrawn
    assert len(player.descriptions["home/homie~garden-pump"].properties) == 4


def test_a_description_counts_once_the_device_is_ready_again() -> None:
    player = Player(dialect()).play(rows("homie")[:5])
    smaller = (
        b'{"homie":"5.0","version":18,"name":"Car","nodes":{"a":{"properties":{"b/c":{},"d":{"datatype":"integer"}}}}}'
    )
    before = len(player.said)
    for number, (suffix, payload) in enumerate((("$state", b"init"), ("$description", smaller), ("$state", b"ready"))):
        player.play([Row(90 + number, f"homie/5/super-car/{suffix}", payload, True, False, NOW_MS + 90_000 + number)])
    described = [one for one in player.said[before:] if isinstance(one.what, Described)]
    assert [one.row for one in described] == [92]
    assert [one.metric for one in player.descriptions["home/homie~super-car"].properties] == ["a.d"]
