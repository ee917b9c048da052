"""Who has a client id: processes as objects, on a real (SQLite) database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F
from structlog.testing import CapturingLogger

from mqtt_gateway.models import GatewayProcess
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import lease as module
from mqtt_gateway.process import storage
from mqtt_gateway.process.lease import Lease, database_thread
from mqtt_gateway.process.storage import LeaseLostError
from runtime.database import DatabaseUnavailableError
from runtime.leases import LEASE_MS
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = GatewayOptions(name="g")


class Bench:
    """A database, and leases as of several processes."""

    def __init__(self) -> None:
        self.database, self.stop = database_thread(), asyncio.Event()
        self._count = 0

    def lease(self, options: GatewayOptions = OPTIONS) -> Lease:
        made = Lease(options, self.database)
        self._count += 1
        made.instance = f"process {self._count}"
        return made

    async def age(self, ms: int = LEASE_MS) -> None:
        """Time passes without a beat."""
        await self.database.run(lambda: GatewayProcess.objects.update(beat_ms=F("beat_ms") - ms))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    log = CapturingLogger()
    monkeypatch.setattr(module, "log", log)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    return log


@pytest.fixture
async def bench(log: CapturingLogger) -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.stop.set()
    await made.database.end()


async def test_the_first_has_it_at_once_and_says_nothing(bench: Bench, log: CapturingLogger) -> None:
    lease = bench.lease()
    assert await lease.acquire(bench.stop) is not None
    await lease.renew(broker_up=True)
    await lease.confirm()
    assert log.calls == []


async def test_the_second_stands_by_until_the_first_is_silent(bench: Bench, log: CapturingLogger) -> None:
    first, second = bench.lease(), bench.lease()
    assert await first.acquire(bench.stop)
    waiting = asyncio.ensure_future(second.acquire(bench.stop))
    await eventually_async(lambda: log.calls)
    for _ in range(5):
        await first.renew()
    assert not waiting.done()
    await bench.age()
    assert await waiting is not None
    assert [call.args[0] for call in log.calls] == [
        "standing by: another gateway has the name",
        "taking over",
    ]
    with pytest.raises(LeaseLostError):
        await first.renew(broker_up=True)
    assert first.lost.is_set()


async def test_given_up_it_is_the_seconds_at_once(bench: Bench) -> None:
    first, second = bench.lease(), bench.lease()
    assert await first.acquire(bench.stop)
    waiting = asyncio.ensure_future(second.acquire(bench.stop))
    await first.release(counters={"dropped": 3})
    former = await asyncio.wait_for(waiting, 1)
    assert former is not None
    assert former.counters == {"dropped": 3}
    await first.release()
    await second.confirm()


async def test_told_to_stop_it_does_not_wait(bench: Bench) -> None:
    first, second = bench.lease(), bench.lease()
    assert await first.acquire(bench.stop)
    waiting = asyncio.ensure_future(second.acquire(bench.stop))
    bench.stop.set()
    assert await asyncio.wait_for(waiting, 1) is None


async def test_a_confirmation_is_asked_for_again_and_never_comes_to_who_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bench.lease(), bench.lease()
    assert await first.acquire(bench.stop)
    await bench.age()
    assert await second.acquire(bench.stop)
    await first.confirm()  # a moment ago it was so
    monkeypatch.setattr(module, "_CONFIRMED_S", -1)
    asking = asyncio.ensure_future(first.confirm())
    await asyncio.wait_for(first.lost.wait(), 5)
    assert not asking.done()
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


async def test_while_the_database_is_away_and_shortly_after_nobody_takes_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE_S", 0.3)
    first, second = bench.lease(), bench.lease()
    assert await first.acquire(bench.stop)
    down, looks, really = [True], [0], storage.holder

    def holder(*wanted: Any) -> Any:
        looks[0] += 1
        if down[0]:
            raise OperationalError("away")
        return really(*wanted)

    monkeypatch.setattr(storage, "holder", holder)
    waiting = asyncio.ensure_future(second.acquire(bench.stop))
    await eventually_async(lambda: looks[0] >= 2)
    await bench.age(60_000)  # the outage
    down[0] = False
    seen = looks[0]
    await eventually_async(lambda: looks[0] >= seen + 3)
    assert not waiting.done(), "the holder gets the time to say that it lives"
    await first.renew()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.5)
    await bench.age(60_000)
    assert await waiting is not None


async def test_without_a_holder_an_outage_delays_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE_S", 3_600)
    outages, really = iter([True]), storage.holder

    def holder(*wanted: Any) -> Any:
        if next(outages, False):
            raise OperationalError("away")
        return really(*wanted)

    monkeypatch.setattr(storage, "holder", holder)
    assert await asyncio.wait_for(bench.lease().acquire(bench.stop), 5) is not None


async def test_standing_by_is_healthy(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert await bench.lease().acquire(bench.stop)
    waiting = asyncio.ensure_future(bench.lease(replace(OPTIONS, heartbeat_file=str(file))).acquire(bench.stop))
    await eventually_async(file.exists)
    bench.stop.set()
    await waiting


async def test_a_database_that_is_down_is_no_lost_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = bench.lease()
    assert await lease.acquire(bench.stop)

    def down(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(storage, "save_beat", down)
    with pytest.raises(DatabaseUnavailableError):
        await lease.renew()
    assert not lease.lost.is_set()
