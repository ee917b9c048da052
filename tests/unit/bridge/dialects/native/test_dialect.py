"""Causeway's own dialect behind the interface of all."""

from bridge.dialects.dialect import (
    NATIVE,
    OWN_DOWNLINK,
    STATELESS,
    Command,
    Publication,
    Reading,
    Rendered,
    Route,
    Said,
)
from bridge.dialects.native.dialect import NativeDialect
from bridge.messages import Delivery
from bridge.observations import Cleared, Malformed, RawReading, Telemetry

DIALECT = NativeDialect("devices")


def delivery(kind: str, detail: str, payload: bytes) -> Delivery:
    return Delivery("devices/s/d/x", "s/d", kind, detail, payload, 5, 1, retain=False, dup=False, packet_id=1)


def test_the_device_is_the_source() -> None:
    assert DIALECT.route("devices/s/d/telemetry/t") == Route(NATIVE, "s/d", "metric", "t")
    assert DIALECT.route(DIALECT.example("s/d")) == Route(NATIVE, "s/d", "status", status=True)
    assert DIALECT.route("else/s/d/state") is None


def test_a_delivery_says_one_thing_of_its_source() -> None:
    def said(kind: str, detail: str, payload: bytes) -> Reading:
        return DIALECT.read(STATELESS, delivery(kind, detail, payload))

    assert said("metric", "t", b"5") == Reading((Said("s/d", Telemetry((RawReading(None, {"t": 5}),))),))
    assert said("state", "", b"") == Reading((Said("s/d", Cleared()),))
    assert isinstance(said("state", "", b"[").said[0].what, Malformed)


def test_a_command_names_where_its_answer_goes() -> None:
    rendered = DIALECT.render(STATELESS, "s/d", Command("c1", "set_led", b'{"on":true}', 1_000), 0)
    (publication,) = rendered.publications
    assert rendered == Rendered((publication,), ack="exact", retry="until_ack")
    assert publication == Publication(
        "devices/s/d/command/c1/set_led",
        b'{"on":true}',
        qos=1,
        retain=False,
        expires_ms=1_000,
        correlation=b"c1",
        response_topic="devices/s/d/ack/c1",
    )
    assert DIALECT.route(publication.topic) is OWN_DOWNLINK
    assert DIALECT.route(publication.response_topic) == Route(NATIVE, "s/d", "ack", "c1")


def test_desired_is_kept_by_the_broker() -> None:
    rendered = DIALECT.render_desired("s/d", b"{}")
    assert rendered == Publication("devices/s/d/desired", b"{}", retain=True)
    assert DIALECT.route(rendered.topic) is OWN_DOWNLINK
