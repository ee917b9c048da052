"""A flow of numbered messages from a process of its own, and a browser that checks it as it comes."""

import json
import sys
from dataclasses import asdict
from typing import Any

from bench.programs.load import Outcome
from bench.protocol.packets import Plan
from causeway_client import Change
from tests.support.clients.web_socket import Follower, Frame, Stream, StreamBrokenError
from tests.support.servers.processes import Process
from tests.support.waiting import eventually
from tests.support.worlds.system import System

"""Whether the tests of overload and absence take their full time and size, which is some 20 minutes."""

SECTIONS = ("rev", "metrics", "reported", "desired", "presence", "tags")


class Flow:
    """A plan on a system's broker; knows how much of it was sent.

    Args:
        system: whose broker.
        plan: fields of :class:`bench.protocol.packets.Plan`, but for the port.
    """

    def __init__(self, system: System, **plan: Any) -> None:
        self.plan = Plan(port=system.parts.mosquitto.port, **plan)
        self.sent = 0
        self._system = system
        self._process: Process | None = None

    def begin(self, **options: float) -> None:
        """Publish in a process of its own, after what was sent before: ``rate=1000, seconds=60`` (``Plan``'s)."""
        fields = {**asdict(self.plan), "first": self.sent, **options}
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in fields.items()]
        self._process = self._system.process("load", [sys.executable, "-m", "bench.programs.load", *arguments])
        self._process.start()

    @property
    def is_running(self) -> bool:
        """Whether it still publishes."""
        return self._process is not None and self._process.is_alive()

    def end(self, timeout_s: float = 30, *, early: bool = False) -> Outcome:
        """Wait until it is sent and confirmed; ``early``: do not wait for its time to be over."""
        process = self._process
        assert process is not None
        if early:
            process.terminate(timeout_s)
        eventually(lambda: not process.is_alive(), timeout_s, what="the load generator ends")
        assert process.returncode == 0, process.tail()
        outcome = Outcome(**json.loads(process.log().splitlines()[-1]))
        assert outcome.unconfirmed == 0, f"the broker did not confirm everything: {outcome}"
        self.sent += outcome.sent
        return outcome

    def send(self, rounds: int = 1) -> Outcome:
        """So many messages of each device, confirmed by the broker."""
        self.begin(messages=self.sent + rounds * self.plan.total_devices)
        return self.end()

    def device(self, name: str) -> str:
        """The key of the device of this name."""
        return f"{self.plan.site}/{name}"

    @property
    def last(self) -> dict[str, int]:
        """The newest ``n`` that each device has published, by key."""
        return {self.device(name): self.plan.last(index, self.sent) for index, name in enumerate(self.plan.names)}


class CountedStream(Stream):
    """A stream that keeps no readings: it checks that each device's ``n`` goes up by one from reading to reading.

    Devices named ``q…`` publish at QoS 0: theirs may leave some out, but never go back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, int] = {}
        self.count = 0  # readings
        self.largest_frame = 0  # readings of one

    def apply(self, frame: Frame) -> list[Change]:
        changes = super().apply(frame)
        if frame["type"] == "snapshot":
            for state in frame["devices"]:
                self.last[state["device"]] = state["metrics"].get("n", {"value": -1})["value"]
        before = self.count
        for device, readings in self.readings.items():
            for rev in sorted(readings):
                self._follows(device, readings[rev]["metrics"]["n"])
        self.readings.clear()
        self.largest_frame = max(self.largest_frame, self.count - before)
        return changes

    def _follows(self, device: str, n: int) -> None:
        expected = self.last[device] + 1
        at_qos0 = device.partition("/")[2].startswith("q")
        if n != expected and not (at_qos0 and n > expected):
            raise StreamBrokenError(f"{device}: reading {n} follows {expected - 1}")
        self.last[device] = n
        self.count += 1

    def has(self, flow: Flow) -> bool:
        """Whether the newest reading of each device has come."""
        return self.last == flow.last


class FlowFollower(Follower):
    """A browser that follows a site through a :class:`CountedStream`.

    Args:
        system: whose web process.
        site: which.
        stream: to resume from; None: nothing is known yet.
    """

    def __init__(self, system: System, site: str, stream: CountedStream | None = None) -> None:
        url = f"ws://127.0.0.1:{system.port}/ws/v1/"
        super().__init__(url, system.token("follower", "admin", None), site=site)
        self.stream: CountedStream = stream or CountedStream()

    def arrives(self, flow: Flow, timeout_s: float) -> None:
        """Wait until the newest reading of every device is there; those before have been checked."""
        self.until(lambda _: self.stream.has(flow), timeout_s, what=f"all of {flow.sent} messages arrive")
        assert {reason for reason, _ in self.stream.snapshots} <= {"subscribe", "new"}


def equals_rest(system: System, stream: Stream) -> None:
    """Old snapshot + deltas = fresh snapshot: the stream's devices are what the REST API says of them."""
    api = system.api("follower", "admin", None)
    for device, state in stream.devices.items():
        fresh = api("GET", f"/devices/{device}").raise_for_status().json()
        for section in SECTIONS:
            assert fresh[section] == state[section], f"{section} of {device}"


def ledger(system: System) -> dict[str, int]:
    """The ledger's numbers."""
    answer = system.api("follower", "admin", None)("GET", "/ledger").raise_for_status().json()
    return {name: value for name, value in answer.items() if isinstance(value, int)}


def balanced(system: System, received: int, timeout_s: float = 30) -> dict[str, int]:
    """Wait until so many deliveries are counted, nothing is in flight and the ledger balances; returns it."""

    def probe() -> dict[str, int]:
        now = ledger(system)
        ends = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")
        assert now["in_flight"] == 0, now
        assert now["received"] == sum(now[name] for name in ends) >= received, now
        return now

    return eventually(probe, timeout_s, what=f"{received} deliveries are counted and balance", pause_s=0.2)
