"""A Sparkplug host's STATE: there as long as the gateway is, by a connection and a will of its own."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mqtt_gateway.connection import herald
from mqtt_gateway.fakes import FakeBroker
from mqtt_gateway.options import GatewayOptions
from tests.support.waiting import eventually_async

TOPIC = "spBv1.0/STATE/scada"


class Bench:
    def __init__(self) -> None:
        self.broker, self.up = FakeBroker(), True

    def said(self, connection: int = -1) -> list[bool]:
        return [json.loads(one.payload)["online"] for one in self.broker.connections[connection].published]


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(herald, "_AGAIN_S", 0.01)
    monkeypatch.setattr(herald, "_LOOK_S", 0.01)
    bench = Bench()
    options = GatewayOptions(sparkplug_host="scada")
    task = asyncio.ensure_future(herald.Herald(options, bench.broker, lambda: bench.up).run())
    yield bench
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_is_there_and_its_will_takes_that_back(bench: Bench) -> None:
    await eventually_async(lambda: bench.broker.connections and bench.said() == [True])
    (connection,) = bench.broker.connections
    birth, will = connection.published[0], connection.will
    states: list[dict[str, Any]] = [json.loads(one.payload) for one in (birth, will)]
    assert [one["online"] for one in states] == [True, False]
    assert states[0]["timestamp"] == states[1]["timestamp"]
    assert {(one.topic, one.qos, one.retain) for one in (birth, will)} == {(TOPIC, 1, True)}
    assert list(connection.manners) == [TOPIC]


async def test_it_goes_with_the_gateways_connection_and_comes_back(bench: Bench) -> None:
    await eventually_async(lambda: bench.broker.connections and bench.said() == [True])
    bench.up = False
    await eventually_async(lambda: bench.said() == [True, False] and bench.broker.connections[0].lost.done())
    assert len(bench.broker.connections) == 1
    bench.up = True
    await eventually_async(lambda: len(bench.broker.connections) == 2 and bench.said() == [True])


async def test_it_connects_anew_when_it_is_lost_or_refused(bench: Bench) -> None:
    await eventually_async(lambda: bench.broker.connections and bench.said() == [True])
    bench.broker.refusal = "busy"
    bench.broker.connections[0].drop("gone")
    await eventually_async(lambda: bench.broker.refused > 1)
    bench.broker.refusal = ""
    await eventually_async(lambda: len(bench.broker.connections) == 2 and bench.said() == [True])
