"""Commands stored many in one statement: what is as usual, what isn't, and what becomes of a database that waits."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from devices.models import Command, Description, Device
from devices.requests import command_storage
from devices.requests.command_storage import Stored, Wish, store, store_quickly
from devices.requests.commands import store_command
from devices.requests.refusals import ConflictError, ContradictionError, NotFoundError, RateLimitedError
from devices.requests.registry import register_device
from devices.rules.actors import Actor
from tests.support.servers.databases import postgres_copy, use_database, with_own_connection
from tests.support.servers.postgres import PostgresService
from tests.support.worlds.fake_worker import fresh_layers

KEY, OTHER = "demo/lamp", "demo/fan"
VERA = Actor("user", "vera")


@pytest.fixture
def url(postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    fresh_layers()
    with postgres_copy(postgres, templates) as url, use_database(url, django_db_blocker):
        for key in (KEY, OTHER):
            register_device(key)
        yield url


def wish(**fields: Any) -> Wish:
    usual = {"command_id": uuid4(), "device_key": KEY, "name": "x", "args": {"a": 1}, "args_json": b'{"a":1}'}
    return Wish(**{**usual, "ttl_s": 30, "idempotency_key": None, "actor": VERA, **fields})


async def query(function: Any) -> Any:
    return await sync_to_async(with_own_connection)(function)


async def test_what_comes_together_is_stored_as_one_by_one(url: str) -> None:
    user = await query(lambda: User.objects.create(username="vera"))
    vera = Actor("user", "vera", user.pk)
    wishes = [wish(), wish(device_key=OTHER, idempotency_key="one", actor=vera), wish(ttl_s=60), wish()]
    stored = await asyncio.gather(*map(store_quickly, wishes))
    alone = await query(lambda: store(wish()))
    assert all(one is not None and one.is_new for one in stored)
    rows = await query(lambda: {row.pk: row for row in Command.objects.select_related("device")})
    for one, its in zip(wishes, stored, strict=True):
        assert its is not None
        row = rows[one.command_id]
        assert (row.device.key, row.name, row.args, row.status) == (one.device_key, "x", {"a": 1}, "accepted")
        assert row.expires_at - row.created_at == timedelta(seconds=one.ttl_s)
        assert (row.created_by, row.user_id, row.idempotency_key) == (
            "user:vera",
            one.actor.user_id,
            one.idempotency_key,
        )
        same = (
            "pk",
            "device_id",
            "args",
            "status",
            "timeline",
            "result",
            "reason",
            "created_at",
            "expires_at",
            "commit",
        )
        assert [getattr(row, name) for name in same] == [getattr(its.command, name) for name in same]
    mine, others = rows[wishes[0].command_id], rows[alone.command.pk]
    for name in ("args", "status", "result", "reason", "commit", "created_by", "user_id", "idempotency_key"):
        assert getattr(mine, name) == getattr(others, name)


async def test_what_is_not_as_usual_takes_the_exact_way(url: str) -> None:
    first = await store_command(KEY, "x", {"a": 1}, 60, "key-1", actor=VERA)
    assert (await store_command(KEY, "x", {"a": 1.0}, 60, "key-1", actor=VERA)).pk == first.pk
    with pytest.raises(ConflictError):
        await store_command(KEY, "x", {"a": 2}, 60, "key-1", actor=VERA)
    with pytest.raises(NotFoundError):
        await store_command("demo/nobody", "x", actor=VERA)
    with pytest.raises(NotFoundError):
        await store_command("demo/lamp", "x", actor=Actor("user", "gone", 4711))
    assert await query(Command.objects.count) == 1


async def test_at_most_a_hundred_unfinished_ones_wait_however_many_come_at_once(url: str) -> None:
    asked = [store_command(KEY, "x", actor=VERA) for _ in range(120)]
    got = await asyncio.gather(*asked, store_command(OTHER, "x", actor=VERA), return_exceptions=True)
    assert sum(isinstance(one, RateLimitedError) for one in got) == 20
    assert await query(Command.objects.filter(device__key=KEY).count) == 100
    assert isinstance(got[-1], Command)


async def test_what_was_stored_though_nobody_heard_of_it_is_not_stored_again(url: str) -> None:
    one = wish()
    assert await store_quickly(one) is not None
    assert await store_quickly(one) is None
    again: Stored = await query(lambda: store(one))
    assert (again.is_new, again.command.pk) == (False, one.command_id)
    assert await query(Command.objects.count) == 1


async def test_a_failure_that_nobody_thought_of_keeps_nobody_waiting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_wishes: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as failing:
        failing.setattr(command_storage, "_insert_all", fail)
        async with asyncio.timeout(10):
            assert set(await asyncio.gather(store_quickly(wish()), store_quickly(wish()))) == {None}
            stored = await store_command(KEY, "x", actor=VERA)
    assert await query(lambda: Command.objects.get().pk) == stored.pk


async def test_who_comes_when_too_many_wait_goes_the_exact_way(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_storage, "_MOST_WAITING", 2)
    got = await asyncio.gather(*(store_quickly(wish()) for _ in range(5)))
    assert [one is not None for one in got] == [True, True, False, False, False]


async def test_a_device_that_is_locked_holds_up_no_other(url: str) -> None:
    with psycopg.connect(url) as holder:
        holder.execute("SELECT 1 FROM devices_device WHERE key = %s FOR UPDATE", [KEY])
        waiting = asyncio.create_task(store_command(KEY, "x", actor=VERA))
        async with asyncio.timeout(5):
            command = await store_command(OTHER, "x", actor=VERA)
        assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting
    assert command.device_id == await query(lambda: Device.objects.get(key=OTHER).pk)


async def test_a_connection_that_was_lost_is_made_anew(url: str) -> None:
    await store_command(KEY, "x", actor=VERA)
    with psycopg.connect(url, autocommit=True) as other:
        ours = "application_name = 'causeway commands' AND datname = current_database()"
        assert other.execute(
            f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {ours}"
        ).fetchone() == (1,)
    assert await store_quickly(wish()) is not None
    assert await query(lambda: Command.objects.filter(expires_at__gt=timezone.now()).count()) == 2


async def test_a_device_that_is_described_is_looked_at_before_its_command_is_stored(url: str) -> None:
    doc = {"device": {"actions": [{"name": "identify"}]}, "document": {"value": {"actions": [{"name": "identify"}]}}}
    await query(lambda: Description.objects.create(device=Device.objects.get(key=KEY), doc=doc))
    described, other = await asyncio.gather(store_quickly(wish()), store_quickly(wish(device_key=OTHER)))
    assert described is None
    assert other is not None
    with pytest.raises(ContradictionError, match="no action x"):
        await store_command(KEY, "x", actor=VERA)
    assert await query(Command.objects.count) == 1
    assert (await store_command(KEY, "identify", actor=VERA)).status == "accepted"
