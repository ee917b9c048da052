"""From commits to receivers, without database, layer or sockets."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from bridge.messages import Change, CommandStep, Commit, Delta
from devices.web.live.hub.commit_gaps import CommitTracker
from devices.web.live.hub.fanout import CROWD, CROWDED_MAX_S, GATHER_MAX_S, GATHER_MIN_S, Fanout
from devices.web.live.hub.repair_queue import RepairQueue
from devices.web.live.hub.rooms import Since
from devices.web.live.queries.replay import Step
from devices.web.live.stream.changes import StepKind
from devices.web.live.stream.feed import FlushBatch
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target
from tests.support.waiting import eventually_async


class Receiver:
    """A socket that keeps what it is given."""

    def __init__(self, deliver: Callable[[], int | None] = lambda: 1) -> None:
        self._deliver = deliver
        self.batches: list[FlushBatch] = []
        self.commands: list[tuple[str, Since]] = []
        self.aborted = False

    def deliver(self, sub: Subscription, batch: FlushBatch) -> int | None:
        self.batches.append(batch)
        return self._deliver()

    def show_step(self, device: str, kind: StepKind, whole: bytes, since: Since) -> None:
        self.commands.append((msgspec.json.decode(whole)["status"], since))

    def abort(self) -> None:
        self.aborted = True

    def wake(self) -> None: ...


class World:
    """A fanout with its tracker and what it wants repaired."""

    def __init__(self) -> None:
        self.tracker = CommitTracker()
        self.repair = RepairQueue(2, self.tracker)
        self.sockets: list[None] = []
        self.fanout = Fanout(self.tracker, self.repair, self.sockets)
        self.tracker.begin({0: 0, 1: 0})

    def watch(self, receiver: Receiver, *devices: str) -> Subscription:
        """A subscription that has listed its devices, all of them at rev 1, as the client has them."""
        sub = Subscription(b'"1"', Target(devices=frozenset(devices)), DeliveryOptions(max_rate_hz=100), {})
        self.fanout.join(sub, receiver)
        sub.listed([])
        return sub

    def commit(self, number: int, *changes: Change, shard: int = 0) -> None:
        self.fanout.commit(Commit(shard, number, changes))


@pytest.fixture
async def world() -> World:
    return World()


def delta(device: str, prev: int) -> Delta:
    text = {"device": device, "prev": prev, "rev": prev + 1, "readings": []}
    return Delta(device, prev, prev + 1, msgspec.json.encode(text))


def step(status: str) -> CommandStep:
    return CommandStep("s/a", msgspec.json.encode({"id": "c", "status": status}))


async def test_a_change_goes_to_those_who_watch_the_device_in_one_batch(world: World) -> None:
    one, other, elsewhere = Receiver(), Receiver(), Receiver()
    for receiver, device in ((one, "s/a"), (other, "s/a"), (elsewhere, "s/b")):
        sub = world.watch(receiver, device)
        assert sub.feed is not None
        sub.feed.sent[device] = 1
    world.commit(1, delta("s/a", 1))
    assert [len(receiver.batches) for receiver in (one, other, elsewhere)] == [1, 1, 0]
    assert one.batches[0] is other.batches[0]
    assert not world.repair.rooms


async def test_what_comes_soon_after_a_flush_is_gathered(world: World) -> None:
    receiver = Receiver()
    feed = world.watch(receiver, "s/a", "s/b").feed
    assert feed is not None
    feed.sent |= {"s/a": 1, "s/b": 1}
    world.commit(1, delta("s/a", 1))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    world.commit(2, delta("s/b", 1))
    world.commit(3, delta("s/b", 2))
    assert len(receiver.batches) == 1
    await eventually_async(lambda: len(receiver.batches) == 2)
    assert loop.time() - begun >= GATHER_MIN_S / 2
    assert [change.rev for change in receiver.batches[1].devices["s/b"] if isinstance(change, Delta)] == [2, 3]


@pytest.mark.parametrize(
    ("sockets", "frames", "gathered_s"),
    [
        (1, 5_000, GATHER_MAX_S),
        (CROWD, 5_000, GATHER_MAX_S),
        (CROWD + 1, 1_100, 0.11),
        (CROWD + 1, 9_000, CROWDED_MAX_S),
    ],
)
async def test_a_thousand_sockets_wait_a_tenth_of_a_second_at_most_and_more_of_them_half_a_second(
    world: World, sockets: int, frames: int, gathered_s: float
) -> None:
    world.sockets.extend([None] * sockets)
    world.watch(Receiver(lambda: frames), "s/a", "s/b")
    for device in ("s/a", "s/b"):
        [room] = world.fanout.rooms.of(device)
        room.feed.sent[device] = 1
    loop = asyncio.get_running_loop()
    before = loop.time()
    world.commit(1, delta("s/a", 1))
    world.commit(2, delta("s/b", 1))
    timer = world.fanout._timer
    assert timer is not None
    assert before <= timer.when() - gathered_s <= loop.time()


async def test_a_gap_in_revs_is_a_question_and_one_in_commits_a_doubt(world: World) -> None:
    feed = world.watch(Receiver(), "s/a").feed
    assert feed is not None
    feed.sent["s/a"] = 1
    world.commit(1, delta("s/a", 5))
    assert [room.feed for room in world.repair.rooms] == [feed]
    assert world.repair.doubted == set()
    world.commit(3, shard=1)
    assert world.repair.doubted == {1}
    assert world.repair.work.is_set()


async def test_who_fails_is_closed_and_the_others_get_theirs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise ValueError("a bug")

    broken, lagging, fine = Receiver(fail), Receiver(lambda: None), Receiver()
    for receiver in (broken, lagging, fine):
        feed = world.watch(receiver, "s/a").feed
        assert feed is not None
        feed.sent["s/a"] = 1
    world.commit(1, delta("s/a", 1))
    assert (broken.aborted, lagging.aborted, fine.aborted) == (True, False, False)
    [room] = world.fanout.rooms.of("s/a")
    assert list(room.members.values()) == [fine], "the others have left"
    assert len(fine.batches) == 1


async def test_steps_of_a_command_are_shown_in_their_order_or_not_at_all(world: World) -> None:
    receiver = Receiver()
    world.watch(receiver, "s/a")
    world.commit(1, step("sent"))
    world.commit(3, step("done"))
    world.commit(2, step("delivered"))  # late: it is asked for
    world.fanout.show_step(Step("s/a", "c", 3, "command", b'{"id":"c","status":"done"}'), 0)  # which is known
    assert receiver.commands == [("sent", (0, 0)), ("done", (0, 2))]
    assert world.fanout.is_outdated(Step("s/a", "c", 2, "command", b""))
    world.fanout.show_step(Step("s/a", "c", 5, "command", b'{"id":"c","status":"failed"}'), 0)
    assert receiver.commands[-1] == ("failed", (0, 4))
