"""The shard workers in this process, on an in-memory layer, with SQLite in a file and with PostgreSQL."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any, TypeVar

import psycopg
import pytest
from channels.layers import channel_layers, get_channel_layer
from channels.routing import ChannelNameRouter
from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from bridge import wire
from bridge.dialects.native.payloads import decode
from bridge.messages import CommandStored, RequestSettled, RequestStored
from bridge.names import devices_channel
from bridge.observations import RawReading, Telemetry
from bridge.shards import device_hash, shard_of
from devices.handlers import items as handled
from devices.handlers.followers import follow
from devices.handlers.log import read, start_of
from devices.models import Command, Device, LedgerCount, Quarantined, Reading, Request, ShardState, Twin
from devices.requests.registry import register_devices
from devices.rules.commands import begun
from devices.worker.ownership.fence import claim, connection_name, end_standstill, take
from devices.worker.process.consumer import ShardConsumer
from devices.worker.process.supervisor import run
from runtime.database_clock import unix_ms
from tests.support.servers.databases import SHARDS, postgres_copy, use_database, with_own_connection
from tests.support.servers.postgres import PostgresService
from tests.support.waiting import eventually, eventually_async
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_gateway import Gateway

T = TypeVar("T")
A, B = key_in(0), key_in(1)


@pytest.fixture(autouse=True)
def fresh_layers() -> Iterator[None]:
    channel_layers.backends = {}
    yield
    channel_layers.backends = {}


@contextlib.asynccontextmanager
async def workers(shards: range = range(SHARDS)) -> AsyncIterator["asyncio.Task[None]"]:
    """Workers of all shards, as the demo runs them."""
    application = ChannelNameRouter({devices_channel(shard): ShardConsumer.as_asgi() for shard in range(SHARDS)})
    stop = asyncio.Event()
    running = asyncio.create_task(run(shards, stop, application))
    try:
        yield running
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 10)


@contextlib.asynccontextmanager
async def workers_and_gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway(get_channel_layer(), get_channel_layer("groups"))
    async with workers(), gateway.running():
        await gateway.all_committed()
        yield gateway


async def query(function: Callable[[], T]) -> T:
    return await asyncio.to_thread(with_own_connection, function)


async def test_from_a_batch_to_rows_and_a_broadcast(own_database: str) -> None:
    async with workers_and_gateway() as gateway:
        gateway.deliver([delivery(A, "telemetry", {"t": 21.5}), delivery(B, "telemetry", {"t": 1e308})])
        await gateway.all_committed()
        await eventually_async(lambda: len(gateway.seen) == 2)
    assert {item["device"]: item["readings"][0]["metrics"] for item in gateway.seen} == {
        A: {"t": 21.5},
        B: {"t": 1e308},
    }
    rows = await query(lambda: list(Reading.objects.order_by("device__key").values_list("device__key", "metrics")))
    assert sorted(rows) == sorted([(A, {"t": 21.5}), (B, {"t": 1e308})])


async def test_a_message_alone_is_told_within_milliseconds(own_database: str) -> None:
    """The target is 10 ms on SQLite and 5 on PostgreSQL, on a machine that does nothing else; this one may be busy."""
    async with workers_and_gateway() as gateway:

        async def one_s(number: int) -> float:
            begun_s = time.perf_counter()
            gateway.deliver([delivery(A, "telemetry", {"t": number})])
            await gateway.told(number + 1)
            took_s = time.perf_counter() - begun_s
            await gateway.all_committed()
            return took_s

        took_s = [await one_s(number) for number in range(40)]
    assert median(took_s) < 0.05, took_s


async def test_who_begins_to_follow_reads_all_that_comes_from_then_on_once(own_database: str) -> None:
    shard, got = shard_of(A, SHARDS), list[int]()

    def begin() -> int:
        position = start_of(shard, "now", {handled.Reading})
        follow("somebody", shard, position)
        return position

    def next_ones(position: int) -> tuple[int, bool]:
        batch = read(shard, position, 100, {handled.Reading})
        got.extend(item.metrics["n"] for item in batch.items if isinstance(item, handled.Reading))  # type: ignore[misc]
        return batch.upto, ShardState.objects.get(shard=shard).logged_since is not None

    async with workers_and_gateway() as gateway:
        gateway.deliver([delivery(A, "telemetry", {"n": -1})])
        await gateway.all_committed()
        position, is_logged, sent = await query(begin), False, 0
        for _ in range(600):  # until the worker knows, and on
            gateway.deliver([delivery(A, "telemetry", {"n": sent})])
            await gateway.all_committed()
            sent += 1
            position, is_logged = await query(partial(next_ones, position))
            if is_logged and sent >= 20 and len(got) >= sent:
                break
        assert is_logged
        assert position > 0, "history is over"
    assert got == list(range(sent))


async def test_thousands_at_once_are_stored_once_and_in_order(own_database: str) -> None:
    keys = [f"demo/d{number}" for number in range(40)]
    async with workers_and_gateway() as gateway:
        gateway.deliver(delivery(keys[number % 40], "telemetry", {"n": number}) for number in range(5_000))
        await gateway.all_committed(60)

    def numbers() -> dict[str, list[int]]:
        out: dict[str, list[int]] = {}
        for key, metrics in Reading.objects.order_by("device_id", "rev").values_list("device__key", "metrics"):
            out.setdefault(key, []).append(metrics["n"])
        return out

    assert await query(numbers) == {key: list(range(first, 5_000, 40)) for first, key in enumerate(keys)}


async def test_a_row_that_the_database_refuses_harms_no_neighbour(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_huge_ts(kind: Any, detail: str, payload: bytes) -> Any:
        decoded = decode(kind, detail, payload)
        if b"refused" in payload:
            assert isinstance(decoded, Telemetry)
            return Telemetry((RawReading(-(2**70), decoded.readings[0].metrics),))
        return decoded

    monkeypatch.setattr("bridge.dialects.native.dialect.decode", with_a_huge_ts)
    keys = [key_in(0, nth=number) for number in range(9)]
    async with workers_and_gateway() as gateway:
        for payload in ({"t": 1}, {"refused": 2}, {"t": 3}):
            gateway.deliver(delivery(key, "telemetry", payload) for key in keys[: 3 if "refused" in payload else 9])
        await gateway.all_committed()

    def state() -> tuple[int, list[str], int]:
        ours = Quarantined.objects.filter(reason="storage_error")
        applied = LedgerCount.objects.get(outcome="applied")
        return Reading.objects.count(), list(ours.values_list("device__key", flat=True)), applied.count

    assert await query(state) == (18, keys[:3], 18)


async def test_text_of_all_kinds_is_stored_as_it_came(own_database: str) -> None:
    metrics = {"ü": "ß€𝄞", "quote": "'\"\\", "json": '{"a":1}', "pg": "{a,b}", "percent": "%s %(x)s", "empty": ""}
    async with workers_and_gateway() as gateway:
        gateway.deliver([delivery(A, "telemetry", metrics), delivery(A, "telemetry", b'{"t":"a\\u0000b"}')])
        await gateway.all_committed()
    readings = await query(lambda: list(Reading.objects.order_by("rev").values_list("metrics", flat=True)))
    assert readings == [metrics, {"t": None}], "what no database takes is a gap"
    assert not await query(Quarantined.objects.exists)


async def test_several_that_register_at_once_leave_no_more_than_the_limit(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DEVICES", replace(settings.DEVICES, max_devices=40))
    together = threading.Barrier(4, timeout=20)

    def register(site: int) -> int:
        connection.ensure_connection()
        together.wait()
        return len(register_devices(f"site{site}/d{number}" for number in range(30)))

    registered = await asyncio.gather(*(query(partial(register, site)) for site in range(4)))
    assert sum(registered) == 40
    assert await query(Device.objects.count) == 40


async def test_a_command_goes_down_and_its_answer_comes_up(own_database: str) -> None:
    def store() -> Command:
        now = timezone.now()
        return Command.objects.create(
            device=Device.objects.get(key=A),
            name="set_led",
            args={"on": True},
            timeline=list(begun(int(now.timestamp() * 1000)).timeline),
            created_at=now,
            expires_at=now + timedelta(seconds=60),
        )

    async with workers_and_gateway() as gateway:
        gateway.deliver([delivery(A, "telemetry", {"t": 1})])
        await gateway.all_committed()
        command = await query(store)
        nudge = CommandStored(shard_of(A, SHARDS), str(command.pk))
        await get_channel_layer().send(devices_channel(nudge.shard), wire.pack(nudge))
        await eventually_async(lambda: [item.get("status") for item in gateway.seen][-1] == "sent")
        (order,) = gateway.orders
        assert (order.device, order.payload) == (A, b'{"on":true}')
        assert order.topic == f"devices/{A}/command/{command.pk}/set_led"
        answer = delivery(A, f"ack/{command.pk}", {"status": "done", "result": 5}, at_ms=unix_ms())
        gateway.deliver([answer])
        await gateway.all_committed()
        await eventually_async(lambda: gateway.seen[-1].get("status") == "done")
    await query(command.refresh_from_db)
    assert [step["status"] for step in command.timeline] == ["accepted", "sent", "delivered", "done"]
    assert command.result == 5


async def test_a_request_is_answered_at_once_and_found_without_a_nudge(own_database: str) -> None:
    def store(kind: str, **body: Any) -> Request:
        return Request.objects.create(device_key=A, hash=device_hash(A), kind=kind, body=body)

    layer = get_channel_layer()
    async with workers_and_gateway() as gateway:
        reply_to = await layer.new_channel()
        row = await query(lambda: store("register"))
        await layer.send(devices_channel(0), wire.pack(RequestStored(0, row.pk, reply_to)))
        answer = await asyncio.wait_for(layer.receive(reply_to), 5)
        assert wire.unpack(answer) in (RequestSettled(row.pk, b"{}"), RequestSettled(row.pk)), "found before the nudge"
        quiet = await query(lambda: store("desired", patch={"a": 1}))
        await eventually_async(lambda: query(lambda: Request.objects.get(pk=quiet.pk).status == "settled"), 5)
        await eventually_async(lambda: gateway.orders)
        await eventually_async(lambda: query(lambda: "delta" in Twin.objects.get().doc["desired_published"]))


async def test_who_loses_a_shard_goes_on_with_the_others_and_waits_for_it(own_database: str) -> None:
    def rob() -> None:
        ShardState.objects.filter(shard=2).update(owner="another", generation=F("generation") + 1)

    def owners() -> list[str]:
        return list(ShardState.objects.order_by("shard").values_list("owner", flat=True))

    async with workers_and_gateway() as gateway:
        before = await query(owners)
        await query(rob)
        gateway.deliver(delivery(key_in(shard), "telemetry", {"t": shard}) for shard in range(SHARDS))
        await eventually_async(lambda: gateway.in_flight == 1, what="all but the lost shard's is committed")
        assert "another" in await query(owners), "nobody takes it before its lease is over"
        await gateway.all_committed()
        assert await query(owners) == before
    assert sorted(row["t"] for row in await query(lambda: list(Reading.objects.values_list("metrics", flat=True)))) == [
        0,
        1,
        2,
        3,
    ]


async def test_a_worker_stops_when_told_and_gives_its_shards_up(own_database: str) -> None:
    async with workers_and_gateway() as gateway:
        gateway.deliver([delivery(A, "telemetry", {"t": 1})])
        await gateway.all_committed()
    assert await query(lambda: set(ShardState.objects.values_list("owner", "beat_ms"))) == {("", 0)}


def take_at_once(shard: int, owner: str) -> bool:
    """`take` that doesn't wait for SQLite's one writer either."""
    if connection.vendor != "sqlite":
        return take(shard, owner)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")  # of this connection, which `query` closes
    try:
        return take(shard, owner)
    except OperationalError as error:
        if "locked" in str(error):
            return False
        raise


async def test_a_transaction_of_a_former_owner_that_is_past_its_fence_is_let_be(own_database: str) -> None:
    """Otherwise the new owner would read twins from before it."""
    from threading import Event

    from django.db import transaction

    from devices.worker.memory.shard import Shard
    from devices.worker.ownership.fence import pass_fence

    passed, go = Event(), Event()
    assert await query(lambda: take(0, "former"))
    state = await query(lambda: claim(0, "former"))

    def former() -> None:
        with transaction.atomic():
            pass_fence([], [Shard(0, state.generation, 0, 0, "")])
            ShardState.objects.filter(shard=0).update(beat_ms=1)  # its lease is over
            passed.set()
            go.wait(10)

    async with asyncio.timeout(20):
        committing = asyncio.create_task(query(former))
        await asyncio.to_thread(passed.wait, 10)
        assert not await query(lambda: take_at_once(0, "new")), "it was taken nevertheless"
        go.set()
        await committing
        await eventually_async(lambda: query(lambda: take(0, "new")))
        assert (await query(lambda: claim(0, "new"))).commit == 1


def test_a_transaction_that_stands_still_is_ended_by_the_successor(
    postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> None:
    def ended() -> bool:
        end_standstill("host:1:stopped")
        return take(0, "new")

    with postgres_copy(postgres, templates) as url, use_database(url, django_db_blocker):
        stopped, other = (
            psycopg.connect(url, application_name=connection_name(owner))
            for owner in ("host:1:stopped", "host:2:other")
        )
        with contextlib.closing(stopped), contextlib.closing(other):
            stopped.execute("SELECT * FROM devices_shardstate WHERE shard = 0 FOR UPDATE")
            other.execute("SELECT 1")
            assert not take(0, "new"), "its row is locked"
            eventually(ended, 10, what="it is ended once it has stood still for a second")
            with pytest.raises(psycopg.OperationalError):
                stopped.execute("SELECT 1")
            other.execute("SELECT 1")
