"""Drives an installation: a load of a rate and time, and browsers that watch.

::

    with Rig(installation) as rig:
        rig.warm_up()
        trial = rig.trial(rate=1000, seconds=5)

Each stretch is numbered on from the one before. A new rig begins above all numbers of former ones (at the clock), so
nobody needs to remember how far an installation was driven.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

from bench.drive.tools import BenchError, Browsers, Publisher
from bench.installations.installation import Installation
from bench.measure.results import Usage
from bench.measure.search import Trial
from bench.measure.usage import Meter
from bench.programs.load import Outcome
from bench.protocol.packets import Plan

PAYLOAD_BYTES: Final = 120
DEVICES: Final = 200
_POLL_S: Final = 0.03
_WARM_UPS: Final = 4
_PACED_WARM_UP_S: Final = 1.0
_SETTLES_S: Final = 3.0
_pause: Final = time.sleep  # what is measured is that nothing happens meanwhile
_warm: set[tuple[int, str, int]] = set()  # port (no other installation of this process has it), site, devices


@dataclass(frozen=True)
class Stretch:
    """One run of the load, and what became of it."""

    outcome: Outcome  # what was published
    came: Mapping[str, Any]  # what the browsers tell of it
    usage: Mapping[str, Usage]  # by role, the tools' too


class Rig:
    """A load and browsers on one installation. A context manager.

    Args:
        installation: which must be idle.
        clients: how many browsers.
        each: each device has a connection of its own.
        drain_s: how long to wait at most for what was sent to arrive.
        plan: fields of ``bench.protocol.packets.Plan`` that differ: ``devices=1000``.
    """

    def __init__(
        self, installation: Installation, *, clients: int = 1, each: bool = False, drain_s: float = 120.0, **plan: Any
    ) -> None:
        endpoint = installation.endpoint
        assert endpoint, f"{installation.name} has no WebSocket"
        self._installation, self._clients = installation, clients
        self._drain_s, self._patience_s = drain_s, endpoint.patience_s
        self.plan = load_plan(installation, **plan)
        self.browsers = Browsers(endpoint, self.plan, clients)
        self.publisher = Publisher(self.plan, each=each)
        self.sent = int(time.monotonic() * 1000) * self.plan.devices  # the next message's number

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.browsers)
            stack.enter_context(self.publisher)
            self._ending = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ending.close()

    def warm_up(self) -> None:
        """Some messages of each device at leisure, again until all of them arrive. Once for each installation.

        They do not at first: a device that is new to Causeway comes as a snapshot.

        Raises:
            BenchError: they never do.
        """
        warmed = (self.plan.port, self.plan.site, self.plan.devices)
        if warmed in _warm:
            return
        count, rate = 2 * self.plan.devices, max(200.0, self.plan.devices)
        missing = []
        for _ in range(_WARM_UPS):
            trial = self.trial(rate, count / rate)
            if trial.received and not trial.lost:
                _warm.add(warmed)
                return
            missing.append(trial.lost)
        raise BenchError(f"{self._installation.name}: of {count} messages {missing} did not reach the browser")

    def trial(self, rate: float, seconds: float) -> Trial:
        """Publish for a time, at a rate (infinite: as the broker takes it), and wait until one browser has it."""
        stretch = self.stretch(rate, seconds)
        outcome = stretch.outcome
        told = {"sent": outcome.sent, "seconds": outcome.seconds, **stretch.came}
        return Trial(rate=rate, usage=stretch.usage, **told)

    def stretch(self, rate: float, seconds: float) -> Stretch:
        """The same for any number of browsers."""
        return self._measured(lambda: self.publisher.run(self.sent, seconds, rate))

    def idle(self, seconds: float) -> Mapping[str, Usage]:
        """What it takes to be there while browsers watch and nothing is published. It should have settled before."""
        with Meter(self._installation.pids()) as meter:
            _pause(seconds)
        return meter.usage

    def settle(self) -> None:
        """Let what a new browser and load have set going come to its end."""
        _pause(_SETTLES_S)

    def paced(self, seconds: float, outstanding: int) -> tuple[Stretch, float]:
        """As fast as it reaches the browser, with so many under way at most; and how many messages a second that is."""
        rates = []

        def run() -> Outcome:
            outcome, per_s = paced(self.publisher, self.sent, seconds, outstanding, self.browsers.received)
            rates.append(per_s)
            return outcome

        return self._measured(run), rates[0]

    def _measured(self, run: Callable[[], Outcome]) -> Stretch:
        self.browsers.mark(self.sent)
        tools = {"recorder": [self.browsers.pid], "generator": [self.publisher.pid]}
        with Meter({**self._installation.pids(), **tools}) as meter:
            outcome = run()
            self._drain(outcome.sent * self._clients)
        self.sent += outcome.sent
        return Stretch(outcome, self.browsers.mark(self.sent), meter.usage)

    def _drain(self, expected: int) -> None:
        """Wait until all has come, or nothing more comes."""
        ends = time.monotonic() + self._drain_s
        received, since = -1, time.monotonic()
        while received < expected and time.monotonic() < min(ends, since + self._patience_s):
            if (now := self.browsers.received()) != received:
                received, since = now, time.monotonic()
            time.sleep(_POLL_S)


def load_plan(installation: Installation, **fields: Any) -> Plan:
    """What the loads of most scenarios publish; ``fields`` may differ."""
    return Plan(**{"port": installation.mqtt_port, "devices": DEVICES, "size": PAYLOAD_BYTES, "stamp": True, **fields})


def paced(
    publisher: Publisher, first: int, seconds: float, outstanding: int, received: Callable[[], int]
) -> tuple[Outcome, float]:
    """Publish for a time after a warm-up, as fast as it is received; and how many messages a second that is.

    Args:
        publisher: which has nothing to do.
        first: message to begin with.
        seconds: after the warm-up.
        outstanding: so many messages are published and not received, at most.
        received: how many messages have been, since it began.
    """
    marks = [(time.monotonic(), 0)]
    publisher.limit(first + outstanding)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(publisher.run, first, _PACED_WARM_UP_S + seconds)
        while not running.done():
            time.sleep(0.01)
            marks.append((time.monotonic(), received()))
            publisher.limit(first + marks[-1][1] + outstanding)
    publisher.limit(2**62)
    begun = next((mark for mark in marks if mark[0] - marks[0][0] >= _PACED_WARM_UP_S), marks[0])
    return running.result(), (marks[-1][1] - begun[1]) / max(marks[-1][0] - begun[0], 0.01)
