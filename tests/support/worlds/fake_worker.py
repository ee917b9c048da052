"""A shard worker for tests of those who ask it: settles requests by the real rules, on the in-memory layer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from channels.db import database_sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings
from django.db import transaction

from bridge import wire
from bridge.dialects.forms.description_words import words_of
from bridge.dialects.native.payloads import decode
from bridge.messages import CommandStored, RequestSettled, RequestStored
from bridge.names import devices_channel
from devices.models import (
    BlockedKey,
    Command,
    Description,
    Device,
    Installation,
    Quarantined,
    Request,
    ShardState,
    Twin,
)
from devices.requests.registry import forget_devices, register_device, retire_keys, set_tags_of
from devices.rules import requested
from devices.rules.commands import Progress, Status, advance
from devices.rules.described import descriptions
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.twin import TwinState, dump, load_value


def fresh_layers() -> None:
    """Forget the in-memory layers and what was sent on them: their queues belong to the event loop of one test."""
    channel_layers.backends = {}


def install() -> None:
    """The rows of the first migration, which the end of a transactional test has flushed."""
    shards = settings.DEVICES.shards
    Installation.objects.get_or_create(shards=shards)
    ShardState.objects.bulk_create((ShardState(shard=shard) for shard in range(shards)), ignore_conflicts=True)


def set_twin(key: str, change: Callable[[TwinState], object] = lambda twin: None) -> Device:
    """Register a device and change its twin as its worker would."""
    device = register_device(key)
    _change_twin(device, change)
    return Device.objects.select_related("twin").get(pk=device.pk)


def _change_twin(device: Device, change: Callable[[TwinState], Any]) -> Any:
    row = Twin.objects.get(device=device)
    twin = load_value(row.doc)
    outcome = change(twin)
    row.doc, row.rev, row.status, row.tags = dump(twin), twin.rev, twin.presence.status, twin.tags
    row.save()
    set_tags_of({device.pk: twin.tags})
    return twin if outcome is None else outcome


@dataclass
class FakeWorker:
    """Does all shards' requests.

    Args:
        deaf: leaves every request alone.
        silent: does them at the sweep only, and tells nobody.
    """

    deaf: bool = False
    silent: bool = False
    heard: list[wire.Message] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FakeWorker"]:
        """While the context lasts."""
        tasks = [asyncio.create_task(self._listen(shard)) for shard in range(settings.DEVICES.shards)]
        if self.silent:
            tasks.append(asyncio.create_task(self._sweep()))
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in done:
                assert isinstance(outcome, asyncio.CancelledError), f"the fake worker failed: {outcome!r}"

    async def _listen(self, shard: int) -> None:
        while True:
            message = wire.unpack(await get_channel_layer().receive(devices_channel(shard)))
            assert isinstance(message, RequestStored | CommandStored), message
            self.heard.append(message)
            if isinstance(message, RequestStored) and not (self.deaf or self.silent):
                await database_sync_to_async(settle)(message.request_id)
                if message.reply_to:
                    await get_channel_layer().send(message.reply_to, wire.pack(RequestSettled(message.request_id)))

    async def _sweep(self) -> None:
        while True:
            await database_sync_to_async(settle_pending)()
            await asyncio.sleep(0.05)


def settle_pending() -> None:
    """Do all that is pending."""
    for pk in Request.objects.filter(status=Request.Status.PENDING).values_list("pk", flat=True):
        settle(pk)


def settle(request_id: int) -> None:
    """Do one request and store its result, in one transaction."""
    with transaction.atomic():
        row = Request.objects.get(pk=request_id)
        result = _do(row)
        pending = Request.objects.filter(pk=request_id, status=Request.Status.PENDING)
        assert pending.update(status=Request.Status.SETTLED, result=result) == 1


def _do(row: Request) -> dict[str, Any]:
    if row.kind == "delete_many":
        found = Device.objects.filter(key__in=row.body["keys"]).select_related("twin")
        forget_devices({one.pk: (one.key, one.twin.rev) for one in found})
        return {"deleted": len(row.body["keys"])}
    if row.kind == "block":
        BlockedKey.objects.get_or_create(key=row.device_key, defaults={"hash": row.hash})
        return {}
    if row.kind == "unblock":
        BlockedKey.objects.filter(key=row.device_key).delete()
        return {}
    if row.kind == "ingest":
        return {"outcome": "applied", "reason": "", "detail": ""}
    device = Device.objects.filter(key=row.device_key).first()
    if device is None:
        return {"error": "not_found", "message": f"there is no device {row.device_key}"}
    return _change(row, device)


def _change(row: Request, device: Device) -> dict[str, Any]:
    match row.kind:
        case "desired":
            patch, if_version = row.body["patch"], row.body["if_version"]
            done = _change_twin(device, lambda twin: requested.set_desired(twin, patch, if_version))
        case "tags":
            done = _change_twin(device, lambda twin: requested.set_tags(twin, row.body["tags"]))
        case "description":
            return _describe(device, row.body)
        case "metric":
            done = _change_twin(device, lambda twin: requested.remove_metric(twin, row.body["remove"]))
        case "settings":
            return _settings(device, row.body)
        case "cancel":
            return _cancel(row.body["command_id"])
        case "replay":
            return _replay(device, row.body["quarantined_id"])
        case _:
            assert row.kind == "delete", row.kind
            retire_keys({device.key: Twin.objects.get(device=device).rev})
            device.delete()
            return {}
    if isinstance(done, requested.Refused):
        return {"error": done.code, "message": done.message}
    return {"version": done.desired_version, "desired": done.desired.value} if row.kind == "desired" else {}


def _replay(device: Device, entry_id: int) -> dict[str, Any]:
    """Of telemetry; readings are not stored."""
    entry = Quarantined.objects.filter(pk=entry_id).first()
    if entry is None:
        return {"error": "not_found", "message": "there is no such quarantined message"}
    decoded, arrival = decode("telemetry", "", bytes(entry.payload)), Arrival(entry.received_ms, replayed=True)
    done = _change_twin(device, lambda twin: reduce(twin, decoded, arrival, Limits()))
    if done.outcome == "quarantined":
        Quarantined.objects.filter(pk=entry_id).update(reason=done.reason, detail=done.detail)
    else:
        entry.delete()
    return {"outcome": done.outcome, "reason": done.reason, "detail": done.detail}


def _settings(device: Device, body: dict[str, Any]) -> dict[str, Any]:
    if refused := requested.settings_error(body):
        return {"error": refused.code, "message": refused.message}
    Device.objects.filter(pk=device.pk).update(**body)
    return dict(body)


def _describe(device: Device, body: dict[str, Any]) -> dict[str, Any]:
    row = Description.objects.filter(device=device).first()
    kept = msgspec.convert(row.doc, descriptions.Kept) if row else descriptions.Kept()
    twin = load_value(Twin.objects.get(device=device).doc)
    if body["if_version"] not in (None, twin.described_rev):
        return {"error": "conflict", "message": f"the description is at version {twin.described_rev}"}
    words = words_of(body["words"], 200)

    def put(twin: TwinState) -> None:
        descriptions.put(kept, words, twin)

    twin = _change_twin(device, put)
    Description.objects.update_or_create(device=device, defaults={"doc": msgspec.to_builtins(kept)})
    return {"version": twin.described_rev, "description": kept.value}


def _cancel(command_id: str) -> dict[str, Any]:
    command = Command.objects.get(pk=command_id)
    before = Progress(cast("Status", command.status), tuple(command.timeline))
    after = advance(before, "cancelled", int(command.created_at.timestamp() * 1000))
    if after == before:
        return {"error": "conflict", "message": f"the command is {command.status} already"}
    command.status, command.timeline = after.status, list(after.timeline)
    command.save()
    return {}
