"""The stream rule by each way there is: connections cut at random, web processes killed, clients that read slowly."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from random import Random

import pytest

from causeway_client import Change
from tests.integration.test_live import Load, agrees
from tests.support.clients.following import PollFollower, RelayFollower
from tests.support.clients.server_sent import EventFollower
from tests.support.clients.web_socket import Follower, Frame, Stream
from tests.support.worlds.system import System

DEVICES = 20
TURNS, RESTARTS = 16, (5, 11)
SLOW_S = 60

Anyone = Follower | EventFollower | PollFollower | RelayFollower


class SlowStream(Stream):
    """One that takes nothing as long as it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def apply(self, frame: Frame) -> list[Change]:
        assert self.may_go_on.wait(SLOW_S)
        return super().apply(frame)


def followers(system: System, token: str, site: str) -> list[Anyone]:
    """One by each way, with a stream that may be held."""
    url = f"ws://127.0.0.1:{system.port}/ws/v1/"
    found: list[Anyone] = [
        Follower(url, token, site=site),
        EventFollower(system.port, token, site=site),
        PollFollower(system.port, token, site=site),
        RelayFollower(system.port, token, site=site),
    ]
    for one in found:
        one.stream = SlowStream()
    return found


@pytest.mark.timeout(300)
def test_no_gap_no_repeat_no_reordering_by_any_way(causeway: Callable[..., System]) -> None:
    system, random = causeway(CAUSEWAY_APPS="tests.apps.relay"), Random("stream rule")
    load = Load(system, "demo", DEVICES)
    load.introduce()
    with contextlib.ExitStack() as stack:
        all_of_them = followers(system, system.token(), "demo")
        for one in all_of_them:
            stack.enter_context(one)
        for one in all_of_them:
            one.until(lambda stream: len(stream.devices) == DEVICES)
        for turn in range(TURNS):
            load.send(random.randint(1, 4))
            befalls(random, system, load, all_of_them, restart=turn in RESTARTS)
        for one in all_of_them:
            one.until(load.has_arrived, 60, what=f"all has arrived at {type(one).__name__}")
            load.check(one.stream)
            agrees(system, load, one.stream)
            assert one.connections > 1
            assert {reason for reason, _ in one.stream.snapshots} == {"subscribe"}


def befalls(random: Random, system: System, load: Load, everyone: Sequence[Anyone], *, restart: bool) -> None:
    """Some are cut off, others read nothing for a while; or the web process is killed."""
    slow = [one.stream for one in everyone if random.random() < 0.3 and isinstance(one.stream, SlowStream)]
    for stream in slow:
        stream.may_go_on.clear()
    for one in everyone:
        if random.random() < 0.4:
            one.cut()
    if restart:
        system.web.kill()
    load.send(random.randint(1, 20 if slow else 3), text="x" * 500)
    if restart:
        system.web.start()
    for stream in slow:
        stream.may_go_on.set()
