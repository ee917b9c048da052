"""Messages on the gateway's channel → PUBLISH → Published."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from channels.layers import InMemoryChannelLayer

from bridge import wire
from bridge.messages import Publish, Published
from bridge.names import devices_channel
from mqtt_gateway.client.broker import Outgoing
from mqtt_gateway.downlink import EXPIRED, LINK_DOWN, Downlink
from mqtt_gateway.fakes import FakeBroker, FakeConnection
from mqtt_gateway.layer import Layer
from mqtt_gateway.options import GatewayOptions
from tests.support.waiting import eventually_async
from tests.support.worlds import downlinks


class Bench:
    def __init__(self) -> None:
        self.backend = InMemoryChannelLayer()
        self.broker = FakeBroker()
        self.connection: FakeConnection | None = self.broker(GatewayOptions(), Outgoing("t", b""))
        self.downlink = Downlink("gw", Layer(self.backend), lambda: self.connection)

    async def answer(self) -> Published:
        async with asyncio.timeout(5):
            answer = wire.unpack(await self.backend.receive(devices_channel(2)))
        assert isinstance(answer, Published)
        return answer


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    task = asyncio.ensure_future(made.downlink.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def command(command_id: str = "c1", *, ttl_ms: int = 60_000, device: str = "demo/d1") -> Publish:
    return downlinks.command(2, device, command_id, "set_led", b'{"on":true}', int(time.time() * 1000) + ttl_ms)


async def test_a_command_is_published_with_what_mqtt5_can_say(bench: Bench) -> None:
    await bench.downlink.handle(command(ttl_ms=1_700))
    assert bench.connection is not None
    (sent,) = bench.connection.published
    assert sent == Outgoing(
        "devices/demo/d1/command/c1/set_led",
        b'{"on":true}',
        retain=False,
        expiry_s=2,
        correlation=b"c1",
        response_topic="devices/demo/d1/ack/c1",
    )


async def test_the_answer_comes_after_the_brokers(bench: Bench) -> None:
    bench.broker.puback = None
    await bench.downlink.handle(command())
    assert bench.backend.channels == {}
    bench.broker.puback = ""
    await bench.downlink.handle(command("c2"))
    answer = await bench.answer()
    assert (answer.device, answer.token, answer.gateway) == ("demo/d1", b"c2", "gw")
    assert (answer.ok, answer.reason) == (True, "")
    assert abs(answer.at_ms - time.time() * 1000) < 5_000


async def test_desired_is_retained_and_answered_with_its_payload(bench: Bench) -> None:
    for payload in (b'{"version":1,"delta":{"a":1}}', b""):
        await bench.downlink.handle(downlinks.desired(2, "demo/d1", payload))
        answer = await bench.answer()
        assert (answer.token, answer.ok) == (b"d" + payload, True)
    assert bench.connection is not None
    assert [(m.topic, m.payload, m.retain) for m in bench.connection.published] == [
        ("devices/demo/d1/desired", b'{"version":1,"delta":{"a":1}}', True),
        ("devices/demo/d1/desired", b"", True),
    ]


async def test_what_has_no_properties_is_published_without(bench: Bench) -> None:
    await bench.downlink.handle(Publish(2, "plants/rose", b"t", "plants/rose/set", b"water", qos=0))
    assert (await bench.answer()).token == b"t"
    assert bench.connection is not None
    assert bench.connection.published == [Outgoing("plants/rose/set", b"water", qos=0)]


async def test_without_a_link_the_answer_says_so_at_once(bench: Bench) -> None:
    bench.connection = None
    await bench.downlink.handle(command())
    answer = await bench.answer()
    assert (answer.ok, answer.reason) == (False, LINK_DOWN)


async def test_an_expired_command_is_not_published(bench: Bench) -> None:
    await bench.downlink.handle(command(ttl_ms=-1))
    answer = await bench.answer()
    assert (answer.ok, answer.reason) == (False, EXPIRED)
    assert bench.connection is not None
    assert bench.connection.published == []


async def test_the_brokers_refusal_is_passed_on_in_words(bench: Bench) -> None:
    bench.broker.puback = "not authorized"
    await bench.downlink.handle(command())
    answer = await bench.answer()
    assert (answer.ok, answer.reason) == (False, "not authorized")


async def test_each_device_gets_its_commands_in_order(bench: Bench) -> None:
    for number in range(100):
        await bench.downlink.handle(command(f"c{number}", device=f"demo/d{number % 3}"))
        await bench.answer()
    assert bench.connection is not None
    sent = [message.correlation for message in bench.connection.published]
    assert sent == [b"c%d" % number for number in range(100)]


async def test_only_so_many_are_under_way_as_the_broker_takes(bench: Bench) -> None:
    bench.broker.puback = None
    connection = bench.connection
    assert connection is not None
    pending: list[asyncio.Future[str]] = []
    publish = connection.publish

    def remembering(message: Outgoing) -> "asyncio.Future[str]":
        pending.append(publish(message))
        return pending[-1]

    connection.publish = remembering  # type: ignore[method-assign]
    handling = [asyncio.ensure_future(bench.downlink.handle(command(f"c{n}"))) for n in range(25)]
    await eventually_async(lambda: len(pending) == connection.max_outgoing - 2)
    for future in list(pending[:7]):
        future.set_result("")
    await eventually_async(lambda: len(pending) == 25)
    await asyncio.gather(*handling)
