"""More than the system can take: memory stays flat, QoS 1 waits at the broker, QoS 0 keeps the newest of each topic.

docs/overload.md states the bounds. ``make faults FAULTS=long`` overloads for more than a minute instead of seconds.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.support.clients.flow import Flow, FlowFollower, balanced, equals_rest, ledger
from tests.support.servers.processes import Process
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.memory import MIB, MemoryWatch
from tests.support.worlds.system import System

SECONDS = 75 if LONG else 6
DRAIN_S = 1500 if LONG else 200
GROWTH = 32 * MIB


@contextlib.contextmanager
def slowed(processes: Sequence[Process], runs_s: float = 0.1, rests_s: float = 0.4) -> Iterator[None]:
    """Give processes a fifth of their time only, so that any machine is overloaded."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(runs_s):
            for number, rest_s in ((signal.SIGSTOP, rests_s), (signal.SIGCONT, 0)):
                for process in processes:
                    process.send_signal(number)
                stopping.wait(rest_s)

    thread = threading.Thread(target=run, name="slowed")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@pytest.mark.timeout(1800 if LONG else 300)
def test_more_than_the_system_can_take_costs_no_memory_and_no_qos_1(causeway: Callable[..., System]) -> None:
    system = causeway()
    flow = Flow(system, site="demo", devices=100, qos0=300)
    flow.send()
    balanced(system, flow.sent)
    with FlowFollower(system, "demo") as browser, MemoryWatch(system.processes()) as memory:
        flow.begin(seconds=SECONDS, window=16_000)
        with slowed(system.workers):
            eventually(lambda: ledger(system)["dropped"], 30, what="QoS 0 is dropped")
            memory.mark()
            flow.end(SECONDS + 60)
        browser.arrives(flow, DRAIN_S)

        memory.check(GROWTH)
        counted = balanced(system, flow.sent)
        assert counted["received"] == flow.sent, "nothing was redelivered"
        assert counted["dropped"] == flow.sent - counted["applied"] > 0
        equals_rest(system, browser.stream)

        flow.send()  # recovery: as quick as before
        browser.arrives(flow, 10)
        print(f"{flow.sent} messages; {counted}")
