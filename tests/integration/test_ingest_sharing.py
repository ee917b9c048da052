"""Workers as real processes share the shards by leases: they come, go, are killed, stopped, pinned."""

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from runtime.leases import LEASE_S
from tests.support.servers.processes import Process
from tests.support.waiting import eventually, eventually_async
from tests.support.worlds.ingest_gateway import Gateway
from tests.support.worlds.ingest_rig import Rig, burst, each_once_in_order

TAKEOVER_S = 5  # after a SIGKILL
HANDOVER_S = 1  # after a SIGTERM
SLACK_S = 1.5  # for a machine that does other things, too, and for our own polling
SETTLE_S = 20
OUTAGE_S = LEASE_S + 2


@dataclass
class Load:
    """Deliveries all the time."""

    gateway: Gateway
    sent: int = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        """While the context lasts; all is committed at its end."""
        task = asyncio.create_task(self._send())
        try:
            yield self
        finally:
            task.cancel()
        await self.gateway.all_committed(60)

    async def _send(self) -> None:
        while True:
            if self.gateway.in_flight < 2_000:
                self.gateway.deliver(burst(20, self.sent))
                self.sent += 20
            await asyncio.sleep(0.02)

    async def more_committed(self, count: int = 200) -> None:
        """Wait until so many of those that are sent from now on are committed."""
        goal = self.sent + count
        await eventually_async(lambda: self.sent - self.gateway.in_flight >= goal, 30, what="the load goes on")


def share(rig: Rig, *shares: tuple[Process, int]) -> None:
    """Wait until the processes have so many shards each."""
    wanted = {process.pid: count for process, count in shares if count}
    eventually(lambda: rig.shares() == wanted, SETTLE_S, what=f"shares are {wanted}, not {rig.shares()}")


def taken_over_by(rig: Rig, *processes: Process) -> float:
    """Wait until these have loaded all shards; how long it took."""
    begun_s, pids = time.monotonic(), {process.pid for process in processes}
    eventually(lambda: set(rig.owners().values()) <= pids and len(rig.owners()) == 4, SETTLE_S, pause_s=0.02)
    return time.monotonic() - begun_s


def test_living_workers_share_evenly(rig: Rig) -> None:
    first = rig.started()
    share(rig, (first, 4))
    second = rig.started()
    share(rig, (first, 2), (second, 2))
    kept = set(rig.owners().items())
    third = rig.started()
    eventually(lambda: sorted(rig.shares().values()) == [1, 1, 2], SETTLE_S)
    assert len(kept & set(rig.owners().items())) == 3, "one moves, no more"
    assert rig.shares()[third.pid] == 1
    fourth, fifth = rig.started(), rig.process()
    eventually(lambda: sorted(rig.shares().values()) == [1, 1, 1, 1], SETTLE_S)
    fifth.wait_for_line("device workers started", 60)
    assert len({*rig.owners().values()} & {first.pid, second.pid, third.pid, fourth.pid, fifth.pid}) == 4
    assert rig.query("SELECT count(*) FROM devices_worker") == [(5,)]


async def test_a_killed_workers_shards_are_taken_over_under_load(rig: Rig) -> None:
    first, second = rig.started(), rig.started()
    share(rig, (first, 2), (second, 2))
    async with rig.gateway() as gateway, Load(gateway).running() as load:
        await load.more_committed()
        second.kill()
        took_s = await asyncio.to_thread(taken_over_by, rig, first)
        await load.more_committed()
        second.start()
        await asyncio.to_thread(share, rig, (first, 2), (second, 2))
        await load.more_committed()
    assert took_s <= TAKEOVER_S + SLACK_S
    assert rig.numbers() == each_once_in_order(load.sent)


async def test_a_worker_that_is_told_to_stop_hands_over_at_once_under_load(rig: Rig) -> None:
    first, second = rig.started(), rig.started()
    share(rig, (first, 2), (second, 2))
    async with rig.gateway() as gateway, Load(gateway).running() as load:
        await load.more_committed()
        second.send_signal(signal.SIGTERM)
        took_s = await asyncio.to_thread(taken_over_by, rig, first)
        await load.more_committed()
        assert second.terminate() == 0
    assert took_s <= HANDOVER_S + SLACK_S
    assert rig.query("SELECT count(*) FROM devices_worker") == [(1,)]
    assert rig.numbers() == each_once_in_order(load.sent)


async def test_a_stopped_worker_loses_its_shards_and_drops_them_when_it_goes_on(rig: Rig) -> None:
    first, second = rig.started(), rig.started()
    share(rig, (first, 2), (second, 2))
    async with rig.gateway() as gateway, Load(gateway).running() as load:
        await load.more_committed()
        second.send_signal(signal.SIGSTOP)
        try:
            took_s = await asyncio.to_thread(taken_over_by, rig, first)
            await load.more_committed(4_000)  # so much goes through all shards, those taken over, too
            position = second.position()
        finally:
            second.send_signal(signal.SIGCONT)
        await asyncio.to_thread(second.wait_for_line, "shards lost to another worker", since=position)
        await asyncio.to_thread(share, rig, (first, 2), (second, 2))
        await load.more_committed()
    assert took_s <= TAKEOVER_S + SLACK_S
    assert second.count_lines("shards lost to another worker") == 1
    assert "Traceback" not in second.log()
    assert rig.numbers() == each_once_in_order(load.sent)


async def test_all_workers_in_turn_are_stopped_by_signals_under_load(rig: Rig) -> None:
    """Whoever comes back finds what the other has done meanwhile."""
    workers = [rig.started(), rig.started()]
    async with rig.gateway() as gateway, Load(gateway).running() as load:
        for worker, act in itertools.product(workers, ("kill", "terminate")):
            getattr(worker, act)()
            await load.more_committed()
            worker.start()
            await asyncio.to_thread(eventually, lambda: sorted(rig.shares().values()) == [2, 2], SETTLE_S)
    assert rig.numbers() == each_once_in_order(load.sent)


async def test_an_outage_longer_than_the_leases_moves_nothing(rig: Rig) -> None:
    first, second = rig.started(), rig.started()
    share(rig, (first, 2), (second, 2))
    owners = rig.owners()
    async with rig.gateway() as gateway, Load(gateway).running() as load:
        await load.more_committed()
        await asyncio.to_thread(rig.postgres.stop)
        await asyncio.sleep(OUTAGE_S)  # no wait for anything: so long is the fault
        await asyncio.to_thread(rig.postgres.start)
        await load.more_committed()
        beats_ms = dict(rig.query("SELECT shard, beat_ms FROM devices_shardstate"))
        await _until(lambda: rig.query("SELECT min(beat_ms) FROM devices_shardstate")[0][0] > max(beats_ms.values()))
    assert rig.owners() == owners
    for worker in (first, second):
        assert worker.count_lines("shards lost") == 0
        *down, up = worker.outages("database")
        assert set(down) == {"down"}, "one outage"
        assert up == "up"
    assert rig.numbers() == each_once_in_order(load.sent)


async def _until(probe: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, probe, SETTLE_S)


# ---- pinned


def test_an_unpinned_worker_leaves_pinned_shards_to_the_pinned_one(rig: Rig) -> None:
    shared = rig.started()
    share(rig, (shared, 4))
    pinned = rig.started("--shards", "1,2,3")
    assert rig.owners() == {0: shared.pid, 1: pinned.pid, 2: pinned.pid, 3: pinned.pid}
    assert pinned.count_lines("standing by") == 0
    pinned.terminate()
    share(rig, (shared, 4))


def test_of_two_workers_pinned_to_one_shard_the_second_stands_by(rig: Rig) -> None:
    first = rig.started("--shards", "0-3")
    second = rig.process("--shards", "1-2")
    second.wait_for_line("standing by: another worker has shards that are pinned here .*shards=.1, 2.", 60)
    assert rig.shares() == {first.pid: 4}
    first.kill()
    took_s = _wait_s(lambda: rig.owners() == {0: first.pid, 1: second.pid, 2: second.pid, 3: first.pid})
    assert took_s <= TAKEOVER_S + SLACK_S
    first.start()
    first.wait_for_line("standing by", 60)
    share(rig, (first, 2), (second, 2))
    assert second.count_lines("standing by") == 1


def _wait_s(probe: Callable[[], bool]) -> float:
    begun_s = time.monotonic()
    eventually(probe, SETTLE_S)
    return time.monotonic() - begun_s
