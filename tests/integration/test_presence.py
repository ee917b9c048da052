"""Presence through outages: 200 connected devices, and nobody who lives is ever shown offline."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from causeway_client import Change
from tests.support.clients.web_socket import Follower, Frame, Stream
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.history import query
from tests.support.worlds.living import LivingFleet
from tests.support.worlds.system import System

SITE = "fleet"
KEYS = [f"{SITE}/pump-{number:03}" for number in range(200)]
LOST = KEYS[17]
QUIET_S = 3  # within which a device that dies in quiet times is offline
WHYS = {"link_down", "outage", "unconfirmed"}


class PresenceStream(Stream):
    """Remembers each presence that a browser would have shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[str, Frame]] = []  # device, presence

    def apply(self, frame: Frame) -> list[Change]:
        changes = super().apply(frame)
        for key in {key for change in changes if (key := getattr(change, "device", None))}:
            self.shown.append((key, dict(self.devices[key]["presence"])))
        return changes


class Onlookers:
    """A browser and a REST client, who look all the time.

    ``dead`` are the devices that may be offline.
    """

    def __init__(self, system: System) -> None:
        token = system.token("onlooker", "viewer", SITE)
        url = f"ws://127.0.0.1:{system.port}/ws/v1/"
        self.browser = Follower(url, token, site=SITE)
        self.stream = self.browser.stream = PresenceStream()
        self.dead: set[str] = set()
        self.failures: list[str] = []
        self.polls = 0
        self._client = system.client(token)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="rest-polls", daemon=True)

    def __enter__(self) -> "Onlookers":
        self.browser.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(20)
        self.browser.__exit__(*exception)

    def check(self) -> None:
        """Nobody has seen a living device offline; whoever is unknown is so since then, and for a reason."""
        assert not self.failures, self.failures[:5]
        for key, presence in list(self.stream.shown):
            self._judge(key, presence)
        assert not self.failures, self.failures[:5]

    def presences(self) -> dict[str, Frame]:
        """As the browser shows them now."""
        return {key: state["presence"] for key, state in self.stream.devices.items()}

    def all_are(self, status: str, timeout_s: float = 30) -> None:
        """Wait until the browser shows so, of all but the dead."""

        def probe() -> bool:
            self.browser.check()
            others = {key for key, presence in self.presences().items() if presence["status"] != status}
            assert not others - self.dead, (len(others), {self.presences()[key]["why"] for key in others})
            return len(self.stream.devices) == len(KEYS)

        eventually(probe, timeout_s, what=f"all are {status}")

    def one_is(self, key: str, status: str, why: str, timeout_s: float = 10) -> None:
        """Wait until the browser shows so of one."""

        def probe() -> bool:
            presence = self.presences()[key]
            assert (presence["status"], presence["why"]) == (status, why), presence
            return True

        eventually(probe, timeout_s, what=f"{key} is {status}")

    def forget_the_dead(self) -> None:
        """They live again, and the answers on the way, which may say otherwise, have come."""
        self.check()
        seen = self.polls
        eventually(lambda: self.polls > seen + 1, what="REST is polled")
        self.dead.clear()
        self.stream.shown.clear()

    def _judge(self, key: str, presence: Frame) -> None:
        if presence["status"] == "offline" and key not in self.dead:
            self.failures.append(f"{key} was shown {presence}")
        if presence["status"] == "unknown" and not (presence["since"] > 0 and presence["why"] in WHYS):
            self.failures.append(f"{key} is unknown without since or why: {presence}")

    def _poll(self) -> None:
        while not self._over.wait(0.1):
            answer = self._client.get("/api/v1/devices", params={"site": SITE, "limit": len(KEYS)})
            if answer.status_code != httpx.codes.OK:
                self.failures.append(f"REST answered {answer.status_code}")
                continue
            self.polls += 1
            for item in answer.json()["items"]:
                self._judge(item["device"], item["presence"])


@pytest.fixture
def system(causeway: Callable[..., System]) -> System:
    return causeway()


@pytest.fixture
def fleet(system: System) -> Iterator[LivingFleet]:
    with LivingFleet(system.parts.mosquitto.port, KEYS) as fleet:
        yield fleet


@pytest.fixture
def onlookers(system: System, fleet: LivingFleet) -> Iterator[Onlookers]:
    """Who have seen the whole fleet online."""
    with Onlookers(system) as onlookers:
        onlookers.all_are("online")
        yield onlookers
        onlookers.check()
        assert onlookers.polls > 10


def dies_in_quiet_times(system: System, fleet: LivingFleet, onlookers: Onlookers) -> None:
    """A device that really dies is soon offline, and online again when it is back."""
    caught_up(system)
    onlookers.dead.add(LOST)
    began_s = time.monotonic()
    fleet.die(LOST)
    onlookers.one_is(LOST, "offline", "will")
    assert time.monotonic() - began_s < QUIET_S
    fleet.revive(LOST)
    onlookers.one_is(LOST, "online", "birth")
    onlookers.forget_the_dead()


@pytest.mark.parametrize(
    ("long", "how"),
    [(False, "kill"), (True, "stop"), *([(False, "stop"), (True, "kill")] if LONG else [])],
)
def test_a_broker_that_restarts(system: System, fleet: LivingFleet, onlookers: Onlookers, how: str, long: bool) -> None:
    dies_in_quiet_times(system, fleet, onlookers)
    broker = system.parts.mosquitto
    getattr(broker, how)()
    if long:
        onlookers.all_are("unknown")
        assert {presence["why"] for presence in onlookers.presences().values()} <= {"link_down", "outage"}
    before = system.gateway.position()
    broker.start()
    system.gateway.wait_for_line("broker link up", since=before)
    fleet.all_connected()
    assert_all_online_when_they_speak(fleet, onlookers)
    onlookers.check()
    dies_in_quiet_times(system, fleet, onlookers)


def test_a_gateway_that_is_killed_and_comes_back(system: System, fleet: LivingFleet, onlookers: Onlookers) -> None:
    before = system.gateway.position()
    system.gateway.kill()
    system.gateway.start()
    system.gateway.wait_for_line("broker link up", since=before)
    assert_all_online_when_they_speak(fleet, onlookers)
    onlookers.check()
    dies_in_quiet_times(system, fleet, onlookers)


def test_a_device_that_dies_while_the_gateway_is_away(system: System, fleet: LivingFleet, onlookers: Onlookers) -> None:
    system.gateway.kill()
    fleet.die(LOST)
    onlookers.all_are("unknown", 40)
    assert {presence["why"] for presence in onlookers.presences().values()} == {"link_down"}
    system.workers[0].restart()
    system.gateway.start()
    online = dict.fromkeys(KEYS, ("online", "birth"))
    eventually(
        lambda: known(onlookers.presences()) == online | {LOST: ("unknown", "outage")},
        30,
        what="those that nothing came of are what they were; of the dead one nothing is certain",
    )
    onlookers.check()
    fleet.revive(LOST)
    onlookers.all_are("online")


def test_workers_that_are_away_while_a_device_dies(system: System, fleet: LivingFleet, onlookers: Onlookers) -> None:
    caught_up(system)
    for worker in system.workers:
        worker.kill()
    onlookers.dead.add(LOST)
    fleet.die(LOST)
    for worker in system.workers:
        worker.start()
    onlookers.one_is(LOST, "offline", "will", 20)
    onlookers.check()
    assert [key for key, presence in onlookers.presences().items() if presence["status"] != "online"] == [LOST]


def known(presences: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {key: (presence["status"], presence["why"]) for key, presence in presences.items()}


def assert_all_online_when_they_speak(fleet: LivingFleet, onlookers: Onlookers) -> None:
    fleet.speak()
    onlookers.all_are("online")
    fleet.speak()
    eventually(
        lambda: {presence["why"] for presence in onlookers.presences().values()} <= {"birth", "message"},
        what="each is confirmed by something live",
    )


def caught_up(system: System) -> None:
    """Wait until the gateway is through with all that the broker has had for it: what came before is late."""
    begun_ms = time.time_ns() // 1_000_000
    drained = "SELECT drained_ms FROM mqtt_gateway_gatewayprocess"
    eventually(lambda: query(system, drained)[0][0] > begun_ms, what="the gateway has caught up", pause_s=0.1)
