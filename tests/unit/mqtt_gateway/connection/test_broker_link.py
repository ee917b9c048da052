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

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import Base, Filter, WantedFilter
from bridge.messages import FiltersChanged, Refetch
from mqtt_gateway.client.broker import NEWS, ConnectError, Manner
from mqtt_gateway.connection import broker_link as module
from mqtt_gateway.connection import filter_keeper, marker_publisher
from mqtt_gateway.connection.broker_link import BrokerLink
from mqtt_gateway.connection.marker_publisher import MarkerPublisher
from mqtt_gateway.connection.subscriptions import AllForbiddenError
from mqtt_gateway.fakes import FakeBroker, FakeConnection
from mqtt_gateway.layer import Layer
from mqtt_gateway.models import BrokerSession, GatewayProcess, Incident
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import storage, wanted
from mqtt_gateway.process.lease import Lease, database_thread
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import Former, LeaseLostError
from mqtt_gateway.rules import markers
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.rules.filter_owners import EXACT, identifier
from mqtt_gateway.uplink.uplink import Uplink
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = GatewayOptions(name="g")
MARKER = OPTIONS.marker_topic
OTHERS = dict.fromkeys((MARKER, *BROKER_TOPICS), True)


class Bench:
    """A link and those around it."""

    def __init__(self, options: GatewayOptions = OPTIONS, drained_ms: int = 0) -> None:
        self.options, self.broker_stub, self.stop_it = options, FakeBroker(), asyncio.Event()
        self.database = database_thread()
        self.lease = Lease(options, self.database)
        self.states: list[bool] = []
        self.state = State(options, Former({}, drained_ms))
        self.uplink = Uplink(options, Layer(InMemoryChannelLayer()), "reply!x", self.state)
        drained = MarkerPublisher(options, self.state, self.uplink)
        self.link = BrokerLink(options, self.broker_stub, self.uplink, drained, self.lease, self.state, self)
        self._task: asyncio.Task[Any] | None = None

    def broker(self, *, up: bool) -> None:
        if not self.states or self.states[-1] != up:
            self.states.append(up)

    async def start(self) -> FakeConnection:
        assert await self.lease.acquire(self.stop_it)
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
        with contextlib.suppress(LeaseLostError):
            await self.lease.release(broker_up=False)
        await self.database.end()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.02)
    log = CapturingLogger()
    monkeypatch.setattr(module, "log", log)
    return log


class Sessions:
    """`storage.open_session` on a database that can be down."""

    down = False

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if self.down:
            raise OperationalError("away")
        return storage.open_session(*args, **kwargs)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    made = Sessions()
    monkeypatch.setattr(module, "_DATABASE_WAIT_S", 0.01)
    monkeypatch.setattr(module, "open_session", made.open)
    return made


@pytest.fixture
async def bench(log: CapturingLogger) -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stop()


async def row() -> GatewayProcess:
    return await GatewayProcess.objects.aget(key="g")


async def known() -> dict[str, bool]:
    filters: dict[str, bool] = (await BrokerSession.objects.aget(gateway="g")).filters
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
    assert await known() == {"devices/#": True, **OTHERS}
    assert connection.plain == [(MARKER, 1), *((name, 0) for name in BROKER_TOPICS)]


@pytest.mark.parametrize(("version", "calls"), [("5", [("subscribe", ("devices/#",))]), ("3.1.1", [])])
async def test_a_present_session_is_not_subscribed_again_on_3_1_1(
    log: CapturingLogger, version: Any, calls: Any
) -> None:
    bench = Bench(replace(OPTIONS, version=version))
    (await bench.start()).drop("gone")
    bench.broker_stub.session_present = True
    assert (await bench.up(2)).calls == calls
    await bench.stop()


async def test_a_session_with_our_subscriptions_is_up_before_the_broker_answers_to_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SUBACK may sit behind all that was queued for us."""
    (await bench.start()).drop("gone")
    bench.broker_stub.session_present = True
    answered = asyncio.Event()
    subscribe = FakeConnection.subscribe

    async def late(self: FakeConnection, filters: Any, *manner: Any) -> None:
        await answered.wait()
        await subscribe(self, filters, *manner)

    monkeypatch.setattr(FakeConnection, "subscribe", late)
    second = await bench.up(2)
    assert bench.states == [True, False, True]
    assert not second.calls
    assert bench.state.markers.late, "nothing is known of the backlog yet"
    answered.set()
    await eventually_async(lambda: second.calls == [("subscribe", ("devices/#",))] and second.markers)


async def test_a_subscription_that_is_refused_now_brings_the_link_up_once_only(
    bench: Bench, log: CapturingLogger
) -> None:
    first = await bench.start()
    bench.broker_stub.session_present = True
    bench.broker_stub.forbidden = {"devices/#"}
    first.drop("gone")
    await eventually_async(lambda: len(bench.broker_stub.connections) >= 6, what="several attempts")
    assert bench.states == [True, False, True, False]
    assert [call.args[0] for call in log.calls].count("broker link down") == 2


async def test_a_lost_session_is_subscribed_again_and_an_incident(bench: Bench, log: CapturingLogger) -> None:
    (await bench.start()).drop("gone")
    second = await bench.up(2)
    assert second.calls == [("subscribe", ("devices/#",))]
    incident = await Incident.objects.aget()
    assert (incident.kind, incident.gateway) == ("session_lost", "g")
    assert incident.until_ms - 10_000 < incident.since_ms <= incident.until_ms
    assert any("lost our session" in call.args[0] for call in log.calls)


async def test_a_first_connection_is_no_lost_session(bench: Bench) -> None:
    await bench.start()
    assert not await Incident.objects.aexists()


async def test_a_broker_that_keeps_no_sessions_causes_no_incident(log: CapturingLogger) -> None:
    bench = Bench(replace(OPTIONS, broker_keeps_sessions=False))
    (await bench.start()).drop("gone")
    await bench.up(2)
    assert not await Incident.objects.aexists()
    await bench.stop()


async def test_dropped_filters_are_unsubscribed(log: CapturingLogger) -> None:
    before = Bench(replace(OPTIONS, topic_filters=("devices/a/#", "devices/b/#")))
    await before.start()
    await before.stop()
    after = Bench(replace(OPTIONS, version="3.1.1", topic_filters=("devices/b/#", "devices/c/#")))
    after.broker_stub.session_present = True
    connection = await after.start()
    assert connection.calls == [("unsubscribe", ("devices/a/#",)), ("subscribe", ("devices/c/#",))]
    assert await known() == {"devices/b/#": True, "devices/c/#": True, **OTHERS}
    await after.stop()


async def test_an_outage_is_logged_once_at_each_end(bench: Bench, log: CapturingLogger) -> None:
    connection = await bench.start()
    log.calls.clear()
    bench.broker_stub.refusal = "bad user name or password"
    connection.drop("connection lost")
    await eventually_async(lambda: bench.broker_stub.refused >= 5)
    bench.broker_stub.refusal = ""
    await bench.up(2)
    lines = [(call.args[0], call.kwargs.get("reason")) for call in log.calls if "link" in call.args[0]]
    assert lines == [
        ("broker link down", "connection lost"),
        ("broker link down", "bad user name or password"),  # a broker that is back and says no is news
        ("broker link up", None),
    ]


async def test_deliveries_wait_while_the_database_is_down(bench: Bench, sessions: Sessions) -> None:
    sessions.down = True
    starting = asyncio.ensure_future(bench.start())
    await eventually_async(lambda: bench.broker_stub.connections)
    bench.broker_stub.connections[0].deliver("devices/demo/d/telemetry", b"1", 1)
    assert bench.uplink.in_flight == 1
    assert not any(link.ready for link in bench.uplink._links)
    sessions.down = False
    await starting
    assert any(link.ready for link in bench.uplink._links)


async def test_a_session_that_the_database_has_not_heard_of_is_not_forgotten(bench: Bench, sessions: Sessions) -> None:
    """The broker begins a new session, the database is down, the connection breaks: the broker has that session now."""
    (await bench.start()).drop("gone")
    await bench.up(2)
    assert (await BrokerSession.objects.aget()).session == 2, "the fake broker keeps none"
    sessions.down = True
    bench.broker_stub.connections[-1].drop("gone")
    await eventually_async(lambda: len(bench.broker_stub.connections) == 3)
    bench.broker_stub.session_present = True
    bench.broker_stub.connections[-1].drop("gone again")
    await eventually_async(lambda: len(bench.broker_stub.connections) == 4)
    sessions.down = False
    assert (await bench.up(4)).calls == [("subscribe", ("devices/#",))]
    assert (await BrokerSession.objects.aget()).session == 3


# ---- markers


async def test_markers_are_sent_at_once_and_tell_how_far_we_are(bench: Bench) -> None:
    bench.broker_stub.echoes = True
    connection = await bench.start()
    await eventually_async(lambda: bench.state.markers.drained_ms)
    assert not bench.state.markers.late
    assert len(connection.markers) == 1
    assert connection.acknowledged == [], "one stays unconfirmed, to be missed"
    first = bench.broker_stub.packet_id
    bench.state.canary.delivered("a newer one", first + 1, 1, is_new=True)
    bench.uplink.own_markers.stored(bench.uplink.own_markers.names())
    assert connection.acknowledged == [first]


async def test_a_session_without_our_subscriptions_is_begun_anew(
    log: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On 3.1.1 a session that is present isn't subscribed again: only the marker shows that it should be."""
    monkeypatch.setattr(markers, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(marker_publisher, "_LOOK_S", 0.02)
    before = Bench(replace(OPTIONS, version="3.1.1"))
    await before.start()
    await before.stop()
    bench = Bench(replace(OPTIONS, version="3.1.1"), drained_ms=1)
    bench.broker_stub.session_present = True
    assert (await bench.start()).calls == []
    await eventually_async(lambda: len(bench.broker_stub.connections) == 2)
    second = await bench.up(2)
    assert second.calls == [("subscribe", ("devices/#",))]
    assert (await BrokerSession.objects.aget()).session == (await row()).epoch
    await eventually_async(lambda: not bench.state.markers.late)
    assert bench.link.connection is second, "and not again and again"
    await bench.stop()


@pytest.mark.parametrize("how", ["forbidden", "puback", "silence"])
async def test_without_markers_the_gateway_works_all_the_same(
    bench: Bench, log: CapturingLogger, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(markers, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(marker_publisher, "_LOOK_S", 0.02)
    warnings = CapturingLogger()
    monkeypatch.setattr(marker_publisher, "log", warnings)
    if how == "forbidden":
        bench.broker_stub.forbidden = {MARKER}
    elif how == "puback":
        bench.broker_stub.puback = "not authorized"
    await bench.start()
    await eventually_async(lambda: not bench.state.markers.late)
    assert bench.link.connection is not None
    assert len(warnings.calls) == 1
    assert (await known())[MARKER] == (how != "forbidden")


async def test_a_broker_that_hangs_up_on_what_we_can_do_without_is_spared_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe = FakeConnection.subscribe

    async def touchy(self: FakeConnection, filters: Any, manner: Manner = NEWS) -> None:
        if manner.own:
            self.drop("closed by the broker")
            raise ConnectError("closed by the broker")
        await subscribe(self, filters, manner)

    monkeypatch.setattr(FakeConnection, "subscribe", touchy)
    await bench.start()
    assert len(bench.broker_stub.connections) == 4


async def test_a_refused_birth_is_only_logged(bench: Bench, log: CapturingLogger) -> None:
    bench.broker_stub.puback = "not authorized"
    await bench.start()
    await eventually_async(lambda: any(call.kwargs.get("reason") == "not authorized" for call in log.calls))


# ---- filters that sources want, and copies


TASMOTA = GatewayOptions(name="g", spoken=(*NATIVE_ALONE, Enabled("tasmota", (Base("home"),))))


@pytest.fixture
async def rich(log: CapturingLogger, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A link of a gateway whose sources may want filters; looks follow each other fast."""
    monkeypatch.setattr(filter_keeper, "_APART_S", 0.01)
    made = Bench(TASMOTA)
    yield made
    await made.stop()


@pytest.fixture
def wants(monkeypatch: pytest.MonkeyPatch) -> list[WantedFilter]:
    """What sources want; told from now on."""
    found: list[WantedFilter] = []
    monkeypatch.setattr(wanted.provider, "filters", lambda: list(found))
    monkeypatch.setattr(wanted.provider, "stamp", lambda: (len(found), id(found[-1]) if found else 0))
    return found


def want(topic_filter: str) -> WantedFilter:
    return WantedFilter("tasmota", "home/tasmota", Filter(topic_filter))


async def test_what_sources_want_is_subscribed_to_with_what_is_retained_there(
    rich: Bench, wants: list[WantedFilter]
) -> None:
    wants.append(want("haus/wetter/tele/+"))
    connection = await rich.start()
    assert connection.manners["haus/wetter/tele/+"] == Manner(1, "always", identifier=identifier("haus/wetter/tele/+"))
    assert connection.manners["devices/#"].identifier == identifier("devices/#")
    wants[:] = [want("haus/bad/tele/STATE"), want("devices/a/b/state")]
    await rich.link.keeper.changed(FiltersChanged(0, "tasmota", "home/tasmota"))
    await eventually_async(lambda: ("unsubscribe", ("haus/wetter/tele/+",)) in connection.calls)
    await eventually_async(lambda: "haus/bad/tele/STATE" in connection.manners)
    assert "devices/a/b/state" not in connection.manners
    assert rich.state.rejections.take()[0].reason == "filter_own_topics"
    connection.deliver("haus/bad/tele/STATE", identifiers=[EXACT])
    assert rich.uplink.in_flight == 1

    def remembered() -> bool:
        kept = BrokerSession.objects.get().filters
        return kept.get("haus/bad/tele/STATE") is True and "haus/wetter/tele/+" not in kept

    await eventually_async(lambda: asyncio.to_thread(remembered))


async def test_a_kept_session_is_not_asked_again_for_what_is_retained(rich: Bench, wants: list[WantedFilter]) -> None:
    wants.append(want("haus/wetter/tele/STATE"))
    first = await rich.start()
    rich.broker_stub.session_present = True
    first.drop("test")
    second = await rich.up(2)
    await eventually_async(lambda: "devices/#" in second.manners)
    assert "haus/wetter/tele/STATE" not in second.manners
    second.deliver("haus/wetter/tele/STATE", identifiers=[EXACT])
    assert rich.uplink.in_flight == 1


async def test_a_copy_is_confirmed_and_counted_nowhere(rich: Bench) -> None:
    connection = await rich.start()
    connection.deliver("tele/plug/STATE", packet_id=5, identifiers=[identifier("#")])
    await eventually_async(lambda: connection.acknowledged == [5])
    assert rich.uplink.in_flight == 0


async def test_what_is_retained_comes_again_when_a_source_asks_but_once_a_minute(rich: Bench) -> None:
    connection = await rich.start()
    tele = next(name for name in connection.manners if name.startswith("tele/"))
    before = len(connection.calls)
    for _ in range(3):
        await rich.link.keeper.refetch(Refetch(0, "tasmota", "home/tasmota", (tele, "not/ours", "a/#/b")))
    await eventually_async(lambda: len(connection.calls) > before)
    assert connection.manners[tele].retained == "always"
    await rich.link.keeper.refetch(Refetch(0, "tasmota", "home/tasmota", (tele,)))
    await asyncio.wait((connection.lost,), timeout=0.1)
    assert connection.calls[before:] == [("subscribe", (tele,))]


async def test_without_identifiers_all_is_heard_and_sorted(rich: Bench) -> None:
    rich.broker_stub.identifies = False
    connection = await rich.start()
    assert [name for name in connection.manners if name not in OTHERS] == ["#"]
    connection.deliver("nobody/listens", packet_id=5)
    connection.deliver("devices/a/b/odd/level/s", packet_id=6)
    await eventually_async(lambda: connection.acknowledged == [5, 6])
    assert rich.uplink.in_flight == 0
    assert dict(rich.state.counters.rejected) == {"unknown_suffix": 1}


async def test_a_broker_that_forbids_to_hear_all_then_ends_the_start(rich: Bench) -> None:
    rich.broker_stub.identifies = False
    rich.broker_stub.forbidden = {"#"}
    assert await rich.lease.acquire(rich.stop_it)
    with pytest.raises(AllForbiddenError, match=r"^DIALECTS: "):
        await asyncio.wait_for(rich.link.run(), 10)
