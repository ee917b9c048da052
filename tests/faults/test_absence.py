"""Somebody is away while messages flow: the workers, a browser that stops reading, a browser that is cut off.

docs/overload.md states the bounds. ``make faults FAULTS=long`` takes the full minutes and the full hour of traffic
in place of some seconds and two minutes; otherwise the server is less patient than a real one, too.
"""

import contextlib
import sys
import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.clients.flow import CountedStream, Flow, FlowFollower, balanced, equals_rest
from tests.support.servers.processes import daphne
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.memory import MIB, MemoryWatch
from tests.support.worlds.system import System

WORKERS_AWAY_S = 60 if LONG else 6
SIMULATED_S = 3600 if LONG else 120
GROWTH = 16 * MIB
GATEWAY_GROWTH = 48 * MIB  # of a full gateway: docs/overload.md
PATIENCE_S = 60 if LONG else 14  # docs/websocket.md: without credit for so long (a minute), a client is closed
PING_S, PONG_S = (20, 30) if LONG else (5, 10)  # Daphne's, and how long it waits for the answer
IDLE_S = PONG_S / 2  # less than any of these
TOO_SLOW = 4408
NO_CODE = 1006  # RFC 6455 7.1.5: no close frame came


@pytest.mark.timeout(500 if LONG else 240)
def test_workers_that_are_away_lose_nothing_and_cost_the_gateway_nothing(causeway: Callable[..., System]) -> None:
    """They go while the broker has a queue for us: then Mosquitto 2.0.11 sends more than the in-flight limit."""
    system = causeway()
    flow = Flow(system, site="demo", devices=200)
    flow.send()
    balanced(system, flow.sent)
    with FlowFollower(system, "demo") as browser, MemoryWatch([system.gateway, system.web]) as memory:
        flow.send(200)
        for worker in system.workers:
            worker.kill()
        memory.mark()
        away_from = time.monotonic()
        flow.begin(seconds=WORKERS_AWAY_S + 5, rate=1000)
        eventually(lambda: time.monotonic() - away_from >= WORKERS_AWAY_S, WORKERS_AWAY_S + 5)
        for worker in system.workers:
            worker.start()
        flow.end(60)
        browser.arrives(flow, 200)
        memory.check(GATEWAY_GROWTH)
        counted = balanced(system, flow.sent)
        assert (counted["applied"], counted["duplicate"]) == (flow.sent, 0), "the connection was never lost"
        equals_rest(system, browser.stream)


class SlowBrowser:
    """A browser that takes and acknowledges frames only when it is told to.

    Args:
        system: whose web process.
        deaf: it does not even read from its connection then, so that pings are not answered either.
    """

    def __init__(self, system: System, *, deaf: bool) -> None:
        self.stream = CountedStream()
        self.connections = 0
        self._system, self._queue = system, 1 if deaf else None
        self.connect()

    def connect(self) -> None:
        """A new connection; it resumes from what it has."""
        self.connections += 1
        self._socket = self._system.ws("slow", "viewer", "demo", max_queue=self._queue, ping_interval=None)
        known = self.stream.revs
        self._socket.send({"type": "subscribe", "id": "1", "site": "demo", "devices": known, "max_rate_hz": 100})

    def read_until(self, there: Callable[[CountedStream], bool], timeout_s: float = 60) -> None:
        """Read and acknowledge until the stream is so."""
        deadline = time.monotonic() + timeout_s
        while not there(self.stream):
            assert time.monotonic() < deadline, "the client did not catch up"
            with contextlib.suppress(TimeoutError):
                self.stream.take(self._socket.receive(1.0))
            self._socket.acknowledge()

    def read_until_closed(self) -> int:
        """Take what is left without acknowledging it; returns the close code."""
        while True:
            try:
                self.stream.take(self._socket.receive(30))
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else NO_CODE


@pytest.mark.timeout(300)
def test_browsers_that_stop_reading_cost_nothing_and_go_on_without_a_gap(causeway: Callable[..., System]) -> None:
    """One reads again in time. One is closed because it has no credit for too long, one because it answers no ping."""
    system = causeway(start=False)
    pings = [f"--ping-interval={PING_S}", f"--ping-timeout={PONG_S}"]
    served = daphne(system.port, *pings)
    system.web.arguments = [sys.executable, "-m", "tests.support.worlds.impatient", str(PATIENCE_S), *served[3:]]
    system.start()
    flow = Flow(system, site="demo", devices=100, padding=300)
    flow.send()
    balanced(system, flow.sent)
    patient, stuck, deaf = (SlowBrowser(system, deaf=deaf) for deaf in (True, False, True))
    with FlowFollower(system, "demo") as reader, MemoryWatch(system.processes()) as memory:
        flow.send(50)  # warm-up
        for browser in (patient, stuck, deaf):
            browser.read_until(lambda stream: stream.has(flow))
        memory.mark()

        flow.begin(rate=1000, seconds=PATIENCE_S + 8)
        begun = time.monotonic()
        eventually(lambda: time.monotonic() - begun > IDLE_S, PATIENCE_S)
        now = dict(reader.stream.last)
        patient.read_until(lambda stream: all(stream.last[device] >= n for device, n in now.items()))
        patient.read_until(lambda _: not flow.is_running, PATIENCE_S + 30)
        flow.end()
        patient.read_until(lambda stream: stream.has(flow))
        assert stuck.read_until_closed() == TOO_SLOW
        assert deaf.read_until_closed() in {TOO_SLOW, NO_CODE}  # Daphne's own patience with pings is less than a minute
        reader.arrives(flow, 60)
        memory.check(GROWTH)

    assert patient.connections == 1
    for browser in (stuck, deaf):
        assert not browser.stream.has(flow)
        browser.connect()
        browser.read_until(lambda stream: stream.has(flow))
    for browser in (patient, stuck, deaf):
        equals_rest(system, browser.stream)


@pytest.mark.timeout(1800 if LONG else 240)
def test_a_browser_that_was_cut_off_for_an_hour_resumes_without_a_gap(causeway: Callable[..., System]) -> None:
    system = causeway()
    start_ms = (int(time.time()) - SIMULATED_S - 1) * 1000
    flow = Flow(system, site="demo", devices=200, start_ms=start_ms)
    flow.send()
    balanced(system, flow.sent)
    with FlowFollower(system, "demo") as browser:
        browser.arrives(flow, 30)
        away = browser.stream
    flow.begin(messages=200 * SIMULATED_S)
    sent = flow.end(900)
    begun = time.monotonic()
    balanced(system, flow.sent, 600)
    print(f"{sent.sent} readings published in {sent.seconds:.1f} s, stored {time.monotonic() - begun:.1f} s later")
    begun = time.monotonic()
    with MemoryWatch([system.web]) as memory, FlowFollower(system, "demo", away) as browser:
        browser.arrives(flow, 600)
        took = time.monotonic() - begun
        memory.check(GROWTH)
    print(f"{away.count} readings caught up in {took:.1f} s, at most {away.largest_frame} in a frame")
    equals_rest(system, away)
