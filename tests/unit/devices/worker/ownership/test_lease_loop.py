"""The looks at the leases as a task: what becomes of what they find, and of failures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import DatabaseError

from devices.worker.ownership import lease_loop
from devices.worker.ownership.fence import ReshardedError
from devices.worker.ownership.followed import Followed
from devices.worker.ownership.lease_loop import LeaseLoop
from devices.worker.ownership.leases import Found
from devices.worker.ownership.shard_states import ShardStates
from tests.support.waiting import eventually_async


@dataclass
class FakeLeases:
    """Each look finds the next of these; an exception is raised; nothing more: nothing is found."""

    finds: list[Found | Exception] = field(default_factory=list)
    looked: int = 0
    next_look_s: float = 0.001
    left: bool = False

    def check(self, _owned: frozenset[int], _leaving: frozenset[int], _trouble: str) -> Found:
        self.looked += 1
        found = self.finds.pop(0) if self.finds else Found()
        if isinstance(found, Exception):
            raise found
        return found

    def leave(self) -> None:
        self.left = True


@dataclass
class FakeWork:
    fails: bool = False
    trouble: str = ""
    hangs_s: float = 0.0
    woken: int = 0
    asked: int = 0

    @property
    def lasts_s(self) -> float:
        self.asked += 1
        return self.hangs_s

    def wake(self) -> None:
        self.woken += 1


@dataclass
class Log:
    events: list[tuple[str, Any]] = field(default_factory=list)

    def warning(self, event: str, /, **fields: Any) -> None:
        self.events.append((event, fields.get("shards")))

    exception = warning


class Setup:
    def __init__(self) -> None:
        self.leases, self.work, self.possession = FakeLeases(), FakeWork(), ShardStates()
        self.log, self.now_s, self.followed = Log(), 0.0, Followed()
        self.stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        parts = (self.leases, self.possession, self.work, self.followed)
        one = LeaseLoop(*parts, lambda: self.now_s)  # type: ignore[arg-type]
        task = asyncio.create_task(one.run(self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            with contextlib.suppress(ReshardedError):
                await asyncio.wait_for(task, 5)
            await one.leave()
            one.close()

    async def looks(self, more: int = 2) -> None:
        goal = self.leases.looked + more
        await eventually_async(lambda: self.leases.looked >= goal)


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Setup]:
    monkeypatch.setattr(lease_loop, "SOON_S", 0.001)

    def make() -> Setup:
        setup = Setup()
        monkeypatch.setattr(lease_loop, "log", setup.log)
        return setup

    return make


async def test_it_takes_leaves_and_loses_as_it_is_found(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [
        Found(taken=frozenset({0, 1, 2}), awaited=frozenset({3})),
        Found(excess=frozenset({2})),
        Found(lost=frozenset({0})),
        Found(lost=frozenset({0})),
    ]
    async with one.running():
        await one.looks(5)
    assert one.possession.owned == {1}
    assert one.possession.leaving == {2}
    assert one.log.events == [("shards lost to another worker", [0])]
    assert one.work.woken == 3, "a round for each change"
    assert one.leases.left


async def test_a_standby_says_so_once(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [Found(kept_from_us=frozenset({1}))] * 10_000
    async with one.running():
        await one.looks(3)
        standing_by = not one.possession.is_complete
        one.leases.finds = []
        await one.looks(3)
        assert standing_by
        assert one.possession.is_complete
    assert one.log.events == [("standing by: another worker has shards that are pinned here", [1])]


async def test_news_of_followers_wake_the_rounds_once(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [Found(followed={0: "begins"}), *[Found(followed={0: "logged"})] * 10_000]
    async with one.running():
        await one.looks(6)
    assert (one.followed.seen, one.work.woken) == ({0: "logged"}, 2)


async def test_a_failing_database_is_told_by_the_rounds(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [DatabaseError("gone")] * 5
    one.work.fails, one.now_s = True, 100
    async with one.running():
        await one.looks(6)
    assert one.log.events == []


async def test_leases_that_fail_alone_are_told_when_they_are_over(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [DatabaseError("too many connections")] * 10_000
    async with one.running():
        await one.looks(3)
        assert one.log.events == []
        one.now_s = 4
        await one.looks(3)
        one.leases.finds = []
        await one.looks(2)
    assert [event for event, _ in one.log.events] == ["leases down", "leases up again"]


async def test_a_bug_in_a_look_is_told_and_outlived(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [ZeroDivisionError(), Found(taken=frozenset({1}))]
    async with one.running():
        await one.looks(3)
    assert [event for event, _ in one.log.events] == ["a look at the leases failed: a bug"]
    assert one.possession.owned == {1}


async def test_rounds_that_hang_leave_the_shards_to_others(setup: Callable[[], Setup]) -> None:
    one = setup()
    async with one.running():
        await one.looks(1)
        one.work.hangs_s = 61
        looked, asked = one.leases.looked, one.work.asked
        await eventually_async(lambda: one.work.asked >= asked + 5)
        assert one.leases.looked <= looked + 1, "the one that was under way"
        one.work.hangs_s = 59
        await one.looks(1)


async def test_another_number_of_shards_ends_it(setup: Callable[[], Setup]) -> None:
    one = setup()
    one.leases.finds = [ReshardedError(4, 8)]
    async with one.running() as task:
        await asyncio.wait({task}, timeout=5)
        with pytest.raises(ReshardedError):
            task.result()
