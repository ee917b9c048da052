"""Shard workers for tests of the sockets: they change twins by the rules, store, and broadcast (or lose that)."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.db.models import F

from bridge import wire
from bridge.dialects.native.payloads import decode
from bridge.messages import Change, CommandStep, Commit, Gone
from bridge.names import dashboard_group
from bridge.shards import shard_of
from devices.models import Command, Device, Event, Reading, ShardState, Twin
from devices.requests.registry import register_device, retire_keys
from devices.rules.commands import Progress, Status, advance, begun, command_json
from devices.rules.reducer import Arrival, Limits, Outcome, reduce
from devices.rules.stream import StreamEvent, StreamReading, replay
from devices.rules.twin import TwinState, dump, load_value

TEST_MS = 3_600_000  # how far ahead a worker here has beaten: none is missed however slow the test


def now_ms() -> int:
    return int(time.time() * 1000)


def shard(device: str) -> int:
    return shard_of(device, settings.DEVICES.shards)


def commit(device: str, *messages: tuple[str, Any]) -> Commit:
    """One transaction: some messages of a device (kind and payload; an event's kind is ``event/name``)."""
    with transaction.atomic():
        row = register_device(device)
        stored = Twin.objects.get(device=row)
        twin = load_value(stored.doc)
        since = twin.rev
        outcomes = [_reduce(twin, kind, payload) for kind, payload in messages]
        changes = _store(row, twin, since, outcomes)
        # The twin last: the test database lets readers see what is not committed yet (see conftest).
        stored.doc, stored.rev, stored.status, stored.tags = dump(twin), twin.rev, twin.presence.status, twin.tags
        stored.save()
        return Commit(shard(device), raised(device), tuple(changes))


def _reduce(twin: TwinState, kind: str, payload: Any) -> Outcome:
    name, _, detail = kind.partition("/")
    raw = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    known: Any = name
    return reduce(twin, decode(known, detail, raw), Arrival(now_ms()), Limits())


def _store(row: Device, twin: TwinState, since: int, outcomes: Sequence[Outcome]) -> list[Change]:
    readings = [reading for outcome in outcomes for reading in outcome.readings]
    events = [event for outcome in outcomes for event in outcome.events]
    for one in readings:
        values = {"rev": one.rev, "ts": one.ts, "received_ms": one.received_ms, "clamped": one.clamped}
        Reading.objects.create(device=row, metrics=one.metrics, **values)
    for event in events:
        Event.objects.create(device=row, rev=event.rev, name=event.name, data=event.data, ts=event.ts)
    shown = [StreamReading(one.rev, one.ts, one.metrics, one.clamped) for one in readings]
    return list(replay(row.key, twin, since, shown, [StreamEvent(e.rev, e.name, e.data, e.ts) for e in events]))


def delete(device: str) -> Commit:
    """One transaction that deletes a device."""
    with transaction.atomic():
        row = Device.objects.get(key=device)
        retire_keys({device: Twin.objects.get(device=row).rev})
        row.delete()
        return Commit(shard(device), raised(device), (Gone(device),))


def purge(device: str, upto: int) -> None:
    """Remove history as retention does."""
    with transaction.atomic():
        for model in (Reading, Event):
            model._default_manager.filter(device__key=device, rev__lte=upto).delete()
        Twin.objects.filter(device__key=device).update(purged_rev=upto)


def step(command_id: str, status: Status) -> Commit:
    """One transaction that takes a command a step further."""
    with transaction.atomic():
        row = Command.objects.select_related("device").get(pk=command_id)
        known: Any = row.status
        progress = advance(Progress(known, tuple(row.timeline)), status, now_ms())
        row.status, row.timeline = progress.status, list(progress.timeline)
        device = row.device.key
        row.commit = raised(device)
        row.save()
        change = CommandStep(device, msgspec.json.encode(command_json(row, device)))
        return Commit(shard(device), row.commit, (change,))


def command(device: str, args: Any = None) -> str:
    """Store a command, which no broadcast brings; its id."""
    at = datetime.now(UTC)
    fields = {"name": "x", "args": args or {}, "timeline": list(begun(now_ms()).timeline)}
    row = Command.objects.create(device=register_device(device), created_at=at, expires_at=at, **fields)
    return str(row.pk)


def raised(device: str) -> int:
    """The shard's next commit number."""
    row = ShardState.objects.filter(shard=shard(device))
    row.update(commit=F("commit") + 1, beat_ms=now_ms() + TEST_MS)
    return row.get().commit


def together(ids: Sequence[str]) -> Commit:
    """One transaction that ends several commands."""
    commits = [step(one, "done") for one in ids]
    last = commits[-1]
    Command.objects.filter(pk__in=ids).update(commit=last.commit)
    return Commit(last.shard, last.commit, tuple(change for one in commits for change in one.changes))


def restore(device: str, rev: int) -> None:
    """An older database: the device at a former rev, its shard at a former commit."""
    Reading.objects.filter(device__key=device, rev__gt=rev).delete()
    set_rev(device, rev)
    ShardState.objects.filter(shard=shard(device)).update(commit=0)


async def broadcast(done: Commit) -> None:
    await get_channel_layer("groups").group_send(dashboard_group(done.shard), wire.pack(done))


async def change(device: str, *messages: tuple[str, Any]) -> Commit:
    """Commit and broadcast."""
    done: Commit = await database_sync_to_async(commit)(device, *messages)
    await broadcast(done)
    return done


async def change_unheard(device: str, *messages: tuple[str, Any]) -> Commit:
    """Commit; the broadcast is lost."""
    done: Commit = await database_sync_to_async(commit)(device, *messages)
    return done


def set_rev(device: str, rev: int) -> None:
    """Give a device's twin a rev, as if it had changed so often."""
    row = Twin.objects.get(device__key=device)
    twin = load_value(row.doc)
    twin.rev = row.rev = rev
    row.doc = dump(twin)
    row.save()


def utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
