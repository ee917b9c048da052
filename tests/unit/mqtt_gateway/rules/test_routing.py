"""Topic names find their shard."""

import pytest

from bridge.dialects.dialect import NATIVE, OWN_DOWNLINK, RejectedTopic
from bridge.dialects.registry import dialects
from bridge.shards import shard_of
from mqtt_gateway.rules.routing import Routed, router

route = router(dialects("devices"), 4)


@pytest.mark.parametrize("topic", ["devices/demo/d1/telemetry", "devices/demo/d1/state", "devices/demo/d1/ack/42"])
def test_a_device_has_one_shard_whatever_it_says(topic: str) -> None:
    found = route(topic)
    assert isinstance(found, Routed)
    assert (found.shard, found.source) == (shard_of("demo/d1", 4), "demo/d1")


def test_the_name_in_the_topic_is_kept() -> None:
    assert route("devices/demo/d1/event/door") == Routed(
        shard_of("demo/d1", 4), "demo/d1", "event", "door", NATIVE, status=False
    )


def test_what_may_be_a_birth_or_a_will_is_known_as_such() -> None:
    status, state = route("devices/demo/d1/status"), route("devices/demo/d1/state")
    assert isinstance(status, Routed)
    assert isinstance(state, Routed)
    assert (status.status, state.status) == (True, False)


def test_what_is_no_uplink_passes_through() -> None:
    assert route("devices/demo/d1/desired") is OWN_DOWNLINK
    assert route("else/demo/d1/state") == RejectedTopic("foreign_root")


def test_a_long_topic_is_understood_without_being_remembered() -> None:
    assert isinstance(route("devices/" + "x" * 60_000 + "/d/state"), RejectedTopic)
