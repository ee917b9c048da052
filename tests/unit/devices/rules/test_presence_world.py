"""Presence in a world of brokers, gateways and workers that fail: no living device is ever offline there."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.rules.presence import CONFIRM_MS, Evidence, Link, evaluate, seen, status_replayed, status_reported
from devices.rules.twin import TwinState, dump, load

T0 = 1_700_000_000_000
G = "gateway"


class World:
    """A device, a broker, a gateway that sends markers, a worker with the device's twin. Each may fail at any time.

    The broker's queue for the gateway holds what the device said, wills, and the gateway's markers. What the gateway
    has received and the worker has not applied goes back to the queue when the connection is lost.
    """

    def __init__(self) -> None:
        self.now_ms = T0
        self.broker = self.stopping = self.connected = self.gateway = self.late = False
        self.since_ms = self.drained_ms = 0
        self.queue: list[tuple[str, int]] = []  # what, and when it was published
        self.received: list[tuple[str, int, int, bool]] = []  # that, when it came, and late
        self.twin = TwinState()
        self.deaths: set[int] = set()  # when wills of devices that really died came
        self.lives = False  # what was applied last was a sign of life

    def do(self, action: str, amount: int) -> None:
        self.now_ms += amount if action == "time" else 1
        getattr(self, f"do_{action}", lambda amount: None)(amount)
        self.check()

    # ---- the device and the broker

    def do_connect(self, _: int) -> None:
        if self.broker and not (self.stopping or self.connected):
            self.connected = True
            self.queue.append(("online", self.now_ms))

    def do_speak(self, _: int) -> None:
        if self.connected:
            self.queue.append(("telemetry", self.now_ms))

    def do_die(self, _: int) -> None:
        if self.connected:
            self.connected = False
            self.queue.append(("death", self.now_ms))

    def do_broker_starts(self, _: int) -> None:
        if self.stopping:
            self._down()
        self.broker = True

    def do_broker_stops(self, amount: int) -> None:
        """By SIGTERM: it takes nothing more, publishes every will, and may deliver them before it closes."""
        if self.broker and not self.stopping:
            self.queue += [("will", self.now_ms)] * self.connected
            self.connected, self.stopping = False, True
            self.do_deliver(amount)

    def do_broker_is_killed(self, amount: int) -> None:
        """It may have forgotten a part of what it had; it publishes no will."""
        if self.broker:
            self._down()
            del self.queue[len(self.queue) - amount % (len(self.queue) + 1) :]

    def _down(self) -> None:
        self.do_gateway_drops(0)
        self.broker = self.connected = self.stopping = False

    # ---- the gateway

    def do_gateway_connects(self, _: int) -> None:
        if self.broker and not (self.stopping or self.gateway):
            self.gateway = self.late = True
            self.since_ms = self.now_ms
            self.do_marker(0)

    def do_gateway_drops(self, _: int) -> None:
        if self.gateway:
            self.gateway, self.since_ms = False, self.now_ms
            self.queue = [(what, at_ms) for what, at_ms, *_ in self.received if what != "marker"] + self.queue
            self.received = []
            self.queue = [one for one in self.queue if one[0] != "marker"]

    def do_marker(self, _: int) -> None:
        if self.gateway and not self.stopping:
            self.queue.append(("marker", self.now_ms))

    def do_deliver(self, amount: int) -> None:
        for _ in range(min(amount, len(self.queue) * self.gateway)):
            what, published_ms = self.queue.pop(0)
            self.now_ms += 1
            self.late = self.late and what != "marker"
            self.received.append((what, published_ms, self.now_ms, self.late))

    # ---- the worker

    def do_apply(self, amount: int) -> None:
        for _ in range(min(amount, len(self.received))):
            what, published_ms, at_ms, late = self.received.pop(0)
            self.lives = what in ("online", "telemetry") or (self.lives and what == "marker")
            if what == "marker":
                self.drained_ms = published_ms
            elif what == "telemetry":
                seen(self.twin, at_ms, late=late)
            else:
                self._status(what, at_ms, late=late)

    def _status(self, what: str, at_ms: int, *, late: bool) -> None:
        if what == "death":
            self.deaths.add(at_ms)
        if late:
            status_replayed(self.twin, at_ms, online=what == "online")
        else:
            status_reported(self.twin, at_ms, online=what == "online", gateway=G)

    def do_look(self, _: int) -> None:
        gone = not self.gateway and self.now_ms > self.since_ms + 5_000
        evaluate(self.twin, self.evidence(Link(self.gateway, gone, self.since_ms, self.drained_ms)))

    def evidence(self, link: Link) -> Evidence:
        return Evidence(self.now_ms, link, {G: link}, 300)

    def do_restart_worker(self, _: int) -> None:
        self.twin = load(dump(self.twin))

    def check(self) -> None:
        presence = self.twin.presence
        if presence.status == "offline":
            assert presence.since in self.deaths, "a living device was shown offline"
            assert not self.lives
        assert (presence.since == 0) == (presence.why == "never_seen")
        assert (self.twin.former is not None) == (presence.why == "link_down")

    def settles(self) -> None:
        """All is well for a while."""
        for action in ("broker_starts", "gateway_connects", "marker"):
            self.do(action, 0)
        self.comes_through()

    def comes_through(self) -> None:
        for action in ("deliver", "marker", "deliver", "apply", "look", "look", "look"):
            self.do(action, 1000)


ACTIONS = [name.removeprefix("do_") for name in vars(World) if name.startswith("do_")]
OFTEN = ["deliver", "deliver", "apply", "apply", "look", "look", "look"]
STEPS = st.lists(
    st.tuples(st.sampled_from([*ACTIONS, *OFTEN]), st.integers(1, 20))
    | st.tuples(st.just("time"), st.integers(0, 2 * CONFIRM_MS)),
    max_size=40,
)


@settings(max_examples=1000)
@given(STEPS)
@example([("broker_stops", 9), ("apply", 9), ("look", 1)])
@example(
    [("broker_stops", 9), ("apply", 9), ("broker_starts", 1), ("gateway_connects", 1), ("deliver", 9), ("look", 1)]
)
@example(
    [("broker_stops", 9), ("broker_starts", 1), ("gateway_connects", 1), ("deliver", 9), ("apply", 9), ("look", 1)]
)
@example([("gateway_drops", 1), ("time", 6_000), ("look", 1), ("broker_stops", 1)])
def test_a_living_device_is_never_offline(steps: list[tuple[str, int]]) -> None:
    world = World()
    world.settles()
    for action, amount in [("connect", 0), *steps]:
        world.do(action, amount)
    world.settles()
    world.do("connect", 0)
    world.do("speak", 0)
    world.comes_through()
    assert world.twin.presence.status == "online"
    world.do("die", 0)
    world.comes_through()
    assert (world.twin.presence.status, world.twin.presence.why) == ("offline", "will")
