"""What is in hand stays bounded, by whichever measure; reading goes on when half, or a twentieth, of it is gone."""

import pytest

from bridge.link import MAX_IN_FLIGHT
from mqtt_gateway.client.broker import Outgoing
from mqtt_gateway.fakes import FakeBroker, FakeConnection
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.uplink.backpressure import MAX_BYTES, MAX_UNCONFIRMED, Backpressure

NOTHING = {"unconfirmed": 0, "in_flight": 0, "queued_bytes": 0}


def connected() -> FakeConnection:
    return FakeBroker()(GatewayOptions(), Outgoing("t", b""))


@pytest.mark.parametrize(("what", "limit"), [("unconfirmed", MAX_UNCONFIRMED), ("in_flight", 1000)])
async def test_each_measure_stops_the_reading_until_half_is_gone(what: str, limit: int) -> None:
    brake, connection = Backpressure(1000), connected()
    for amount, paused in ((limit, False), (limit + 1, True), (limit // 2 + 1, True), (limit // 2 - 1, False)):
        brake.adjust(connection, **{**NOTHING, what: amount})
        assert connection.paused is paused


async def test_reading_goes_on_when_a_twentieth_of_the_bytes_is_gone() -> None:
    """Else everybody's messages would wait at the broker behind many of one device's."""
    brake, connection = Backpressure(1000), connected()
    for part, paused in ((1.0, False), (1.01, True), (0.96, True), (0.94, False)):
        brake.adjust(connection, **{**NOTHING, "queued_bytes": int(part * MAX_BYTES)})
        assert connection.paused is paused


async def test_what_may_be_unconfirmed_stays_below_what_redeliveries_are_known_by() -> None:
    assert MAX_UNCONFIRMED + 2 * 64 < MAX_IN_FLIGHT


async def test_a_new_connection_is_paused_by_itself() -> None:
    brake, first, second = Backpressure(1000), connected(), connected()
    brake.adjust(first, **{**NOTHING, "in_flight": 1001})
    brake.adjust(None, **{**NOTHING, "in_flight": 1001})
    brake.adjust(second, **{**NOTHING, "in_flight": 600})
    assert not second.paused
    brake.adjust(second, **{**NOTHING, "in_flight": 1001})
    assert second.paused
