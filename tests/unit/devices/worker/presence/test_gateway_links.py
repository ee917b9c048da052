"""The gateways' links, as presence sees them."""

import pytest
from msgspec import json

from bridge.dialects.registry import dialects
from devices.gateways import provider
from devices.rules.presence import Link
from devices.worker.memory.shard import Member
from devices.worker.presence.gateway_links import GONE_MS, Links, LinkWatch
from tests.unit.devices.worker.conftest import GatewayLink

NORTH, SOUTH = ("devices/north/#", "devices/hall/+/status"), ("devices/south/#",)


def links(**by_gateway: Link) -> Links:
    filters = {"north": NORTH, "south": SOUTH, "both": ("devices/#",), "all": ("devices/#",)}
    brokers = {name: "one:1883" if name in ("both", "all") else f"{name}:1883" for name in by_gateway}
    return Links(by_gateway, {name: filters[name] for name in by_gateway}, brokers, dialects("devices"))


def member(key: str, **known: str) -> Member:
    return Member(1, key, None, json.encode(known))


def up(since_ms: int, drained_ms: int) -> Link:
    return Link(up=True, since_ms=since_ms, drained_ms=drained_ms)


def test_one_gateway_serves_all() -> None:
    assert links(north=up(1, 2)).of(member("south/pump")) == up(1, 2)


@pytest.mark.parametrize(
    ("key", "link"),
    [("north/pump", up(1, 2)), ("south/pump", Link(gone=True, since_ms=9)), ("hall/pump", up(1, 2))],
)
def test_several_serve_what_they_are_subscribed_to(key: str, link: Link) -> None:
    assert links(north=up(1, 2), south=Link(gone=True, since_ms=9)).of(member(key)) == link


def test_of_several_that_serve_a_device_those_that_are_up_count() -> None:
    assert links(north=up(1, 5), both=up(3, 9)).of(member("north/pump")) == up(3, 5)
    assert links(north=Link(since_ms=4, gone=True), both=up(3, 9)).of(member("north/pump")) == up(3, 9)
    assert links(north=Link(since_ms=4, gone=True), both=Link(since_ms=5)).of(member("north/pump")) == Link(since_ms=5)


def test_what_nobody_is_known_to_serve_may_be_anybodys() -> None:
    assert links(north=up(1, 2), south=Link(gone=True)).of(member("east/pump")) == up(1, 2)
    assert links().of(member("east/pump")) == Link()


def test_a_link_is_gone_when_it_was_seen_down_for_long(gateways: dict[str, GatewayLink]) -> None:
    watch = LinkWatch(dialects("devices"))
    gateways["g"] = GatewayLink("g", broker_up=False, since_ms=77)

    def gone(now_ms: int) -> bool:
        return watch.read(now_ms).by_gateway["g"].gone

    assert [gone(time_ms) for time_ms in (10**9, 10**9 + GONE_MS, 10**9 + GONE_MS + 1)] == [False, False, True]
    gateways["g"].broker_up = True
    assert not gone(2 * 10**9)
    gateways["g"].broker_up = False
    assert not gone(3 * 10**9)
    watch.forget()
    assert not gone(4 * 10**9)
    assert gone(4 * 10**9 + GONE_MS + 1)


def test_a_gateway_without_markers_must_outlive_a_will_by_5_s(gateways: dict[str, GatewayLink]) -> None:
    gateways["g"] = GatewayLink("g", since_ms=77, drained_ms=0, beat_ms=10_000)
    assert LinkWatch(dialects("devices")).read(0).by_gateway["g"] == up(77, 5_000)


def test_the_real_rows_have_what_is_read(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from mqtt_gateway.models import GatewayProcess
    from mqtt_gateway.status import gateway_status

    monkeypatch.setattr(provider, "status", gateway_status)
    GatewayProcess.objects.create(key="g", since_ms=5, beat_ms=6, drained_ms=4, broker_up=True)
    assert LinkWatch(dialects("devices")).read(0).by_gateway == {"g": Link(since_ms=6, drained_ms=4)}


# ---- by which gateway a device can be reached

UP, DOWN, GONE = Link(up=True), Link(), Link(gone=True)


def test_the_gateway_that_brought_something_live_reaches_the_device() -> None:
    pump = member("north/pump", gateway="south")
    assert links(north=UP, south=UP).gateway_of(pump, "default") == "south", "whatever its filters say"
    assert links(north=UP, south=DOWN).gateway_of(pump, "default") == "south", "it may come back at once"
    assert links(north=UP).gateway_of(pump, "default") == "south", "nothing is known of it"


def test_a_gateway_that_is_gone_is_replaced_by_one_at_the_same_broker_only() -> None:
    pump = member("north/pump", gateway="both")
    assert links(north=UP, both=GONE).gateway_of(pump, "default") == "both", "its broker is another: that may come back"
    assert links(north=UP, both=GONE, all=UP).gateway_of(pump, "default") == "all"
    assert links(north=UP, both=GONE, all=DOWN).gateway_of(pump, "default") == "both"


@pytest.mark.parametrize(
    ("key", "gateways", "gateway"),
    [
        ("north/pump", {"north": UP, "south": UP}, "north"),
        ("south/pump", {"north": UP, "south": GONE}, "south"),
        ("east/pump", {"north": UP, "south": UP}, "default"),
        ("north/pump", {"north": GONE, "all": UP}, "all"),
        ("north/pump", {"both": UP, "north": UP}, "both"),
        ("east/pump", {"north": GONE}, "north"),
        ("east/pump", {}, "default"),
    ],
)
def test_a_device_that_was_never_heard_is_looked_for_by_filters(
    key: str, gateways: dict[str, Link], gateway: str
) -> None:
    assert links(**gateways).gateway_of(member(key), "default") == gateway


def test_of_several_that_would_do_the_default_one_is_taken() -> None:
    assert links(both=UP, north=UP).gateway_of(member("north/pump"), "north") == "north"
    assert links(both=UP, north=DOWN).gateway_of(member("north/pump"), "north") == "both"


def test_a_device_of_a_dialect_that_nobody_speaks_any_more_is_behind_no_filter() -> None:
    lamp = member("north/lamp", dialect="forgotten")
    assert links(north=UP, south=UP).gateway_of(lamp, "default") == "default"
    assert links(north=UP, south=Link(up=True, since_ms=5)).of(lamp) == Link(up=True, since_ms=5), "all of them may be"
