"""The link to the broker: epoch, subscriptions, outages; on a fake broker and a real (SQLite) database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.db import OperationalError
from structlog.testing import CapturingLogger

from mqtt_gateway import broker_link as module
from mqtt_gateway import storage
from mqtt_gateway.broker_link import BrokerLink
from mqtt_gateway.counters import Counters
from mqtt_gateway.database import DatabaseThread
from mqtt_gateway.fakes import FakeBroker, FakeConnection
from mqtt_gateway.layer import Layer
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.uplink import Uplink
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = GatewayOptions(client_id="g")


class Bench:
    """A link and those around it."""

    def __init__(self, options: GatewayOptions = OPTIONS) -> None:
        self.options, self.broker_stub, self.counters = options, FakeBroker(), Counters()
        self.database = DatabaseThread()
        self.states: list[bool] = []
        self.uplink = Uplink(options, Layer(InMemoryChannelLayer()), "reply!x", self.counters)
        self.link = BrokerLink(options, self.broker_stub, self.uplink, self.database, self.counters, self)
        self._task: asyncio.Task[Any] | None = None

    def broker(self, *, up: bool) -> None:
        if not self.states or self.states[-1] != up:
            self.states.append(up)

    async def start(self) -> FakeConnection:
        self._task = asyncio.ensure_future(self.link.run())
        return await self.up()

    async def up(self, number: int = 1) -> FakeConnection:
        """The connection number so and so, once it is up."""
        await eventually_async(lambda: len(self.broker_stub.connections) >= number and self.link.connection)
        return self.broker_stub.connections[-1]

    async def stop(self) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self.database.close()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.02)
    log = CapturingLogger()
    monkeypatch.setattr(module, "log", log)
    return log


@pytest.fixture
async def bench(log: CapturingLogger) -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stop()


async def row() -> GatewayProcess:
    return await GatewayProcess.objects.aget(client_id="g")


async def known() -> dict[str, bool]:
    filters: dict[str, bool] = (await BrokerSession.objects.aget(client_id="g")).filters
    return filters


async def test_birth_and_will_are_retained_on_the_status_topic(bench: Bench) -> None:
    connection = await bench.start()
    assert (connection.will.topic, connection.will.payload, connection.will.retain) == (
        OPTIONS.status_topic,
        b"offline",
        True,
    )
    assert [(m.topic, m.payload, m.retain) for m in connection.published] == [(OPTIONS.status_topic, b"online", True)]
    await bench.stop()
    assert connection.published[-1].payload == b"offline", "a polite end publishes no will"


async def test_every_connection_has_a_higher_epoch(bench: Bench) -> None:
    first = await bench.start()
    assert (await row()).epoch == 1
    first.drop("connection lost")
    await bench.up(2)
    assert (await row()).epoch == 2
    assert bench.states == [True, False, True]


async def test_subscriptions_are_written_down(bench: Bench) -> None:
    connection = await bench.start()
    assert connection.calls == [("subscribe", ("devices/#",))]
    assert await known() == {"devices/#": True}


@pytest.mark.parametrize(("version", "calls"), [("5", [("subscribe", ("devices/#",))]), ("3.1.1", [])])
async def test_a_present_session_is_not_subscribed_again_on_3_1_1(
    log: CapturingLogger, version: Any, calls: Any
) -> None:
    bench = Bench(replace(OPTIONS, version=version))
    (await bench.start()).drop("gone")
    bench.broker_stub.session_present = True
    assert (await bench.up(2)).calls == calls
    await bench.stop()


async def test_a_lost_session_is_subscribed_again_and_counted(bench: Bench, log: CapturingLogger) -> None:
    (await bench.start()).drop("gone")
    second = await bench.up(2)
    assert second.calls == [("subscribe", ("devices/#",))]
    assert bench.counters.sessions_lost == 1
    assert bench.counters.session_lost_ms > 0
    assert any("lost our session" in call.args[0] for call in log.calls)


async def test_a_first_connection_is_no_lost_session(bench: Bench) -> None:
    await bench.start()
    assert bench.counters.sessions_lost == 0


async def test_a_broker_that_keeps_no_sessions_causes_no_incident(log: CapturingLogger) -> None:
    bench = Bench(replace(OPTIONS, broker_keeps_sessions=False))
    (await bench.start()).drop("gone")
    await bench.up(2)
    assert bench.counters.sessions_lost == 0
    await bench.stop()


async def test_dropped_filters_are_unsubscribed(log: CapturingLogger) -> None:
    before = Bench(replace(OPTIONS, topic_filters=("devices/a/#", "devices/b/#")))
    await before.start()
    await before.stop()
    after = Bench(replace(OPTIONS, version="3.1.1", topic_filters=("devices/b/#", "devices/c/#")))
    after.broker_stub.session_present = True
    connection = await after.start()
    assert connection.calls == [("unsubscribe", ("devices/a/#",)), ("subscribe", ("devices/c/#",))]
    assert await known() == {"devices/b/#": True, "devices/c/#": True}
    await after.stop()


async def test_an_outage_is_logged_once_at_each_end(bench: Bench, log: CapturingLogger) -> None:
    connection = await bench.start()
    log.calls.clear()
    bench.broker_stub.refusal = "bad user name or password"
    connection.drop("connection lost")
    await asyncio.sleep(0.2)  # several attempts
    bench.broker_stub.refusal = ""
    await bench.up(2)
    lines = [(call.args[0], call.kwargs.get("reason")) for call in log.calls if "link" in call.args[0]]
    assert lines == [
        ("broker link down", "connection lost"),
        ("broker link down", "bad user name or password"),  # a broker that is back and says no is news
        ("broker link up", None),
    ]


async def test_deliveries_wait_while_the_database_is_down(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DATABASE_WAIT_S", 0.01)
    down, really = [True], storage.open_session

    def open_session(*args: Any, **kwargs: Any) -> Any:
        if down[0]:
            raise OperationalError("away")
        return really(*args, **kwargs)

    monkeypatch.setattr(module, "open_session", open_session)
    starting = asyncio.ensure_future(bench.start())
    await eventually_async(lambda: bench.broker_stub.connections)
    bench.broker_stub.connections[0].deliver("devices/demo/d/telemetry", b"1", 1)
    assert bench.uplink.in_flight == 1
    assert not any(link.ready for link in bench.uplink._links)
    down[0] = False
    await starting
    assert any(link.ready for link in bench.uplink._links)


async def test_a_refused_birth_is_only_logged(bench: Bench, log: CapturingLogger) -> None:
    bench.broker_stub.puback = "not authorized"
    await bench.start()
    assert any(call.kwargs.get("reason") == "not authorized" for call in log.calls)
