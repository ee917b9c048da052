"""One call of a handler: what it writes, what it asks for, and how far it is, in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from msgspec import Struct

from bridge.messages import CommandStored, RequestStored
from bridge.shards import device_hash, shard_of
from devices.handlers.calls.tx import Tx
from devices.handlers.items import Item
from devices.handlers.registry import HandlerSpec
from devices.models import HandlerDevice, HandlerTask, Request
from devices.requests.command_storage import store
from devices.requests.refusals import NotFoundError
from runtime.database_clock import unix_ms

Step = Callable[[str], None]


class Done(Struct, frozen=True):
    """What a transaction came to, for those who carry on with it after the commit."""

    nudges: tuple[CommandStored | RequestStored, ...] = ()
    tasks: int = 0
    keeps: bool = False  # whether it has something to keep of a device (``tx.state``)


def no_step(_name: str, /) -> None:
    """Nobody wants to be told how far it is."""


def carry_out(
    spec: HandlerSpec, items: Sequence[Item], settle: Callable[[], None], step: Step = no_step, *, keeps: bool = True
) -> Done:
    """Call a handler for some items, write what it asks for, then what ``settle`` writes. All of it, or nothing.

    Args:
        spec: of the handler.
        items: none: only ``settle`` is called.
        settle: moves the cursor; raises if that is not ours any more.
        step: is told how far it is: between any two steps a process may die.
        keeps: whether anything may be kept of these devices; if not, that is not asked for.

    Raises:
        Exception: whatever the handler raises, or what it asked for was refused with.
    """
    with transaction.atomic():
        step("begun")
        done = _called(spec, items, step, keeps=keeps) if items else Done()
        settle()
        step("settled")
    step("committed")
    return done


def _called(spec: HandlerSpec, items: Sequence[Item], step: Step, *, keeps: bool) -> Done:
    tx = Tx(spec.name, items, _states(spec.name, {item.device for item in items}) if keeps else {})
    if spec.is_async:
        async_to_sync(spec.function)(items, tx)
    else:
        spec.function(items, tx)
    step("handled")
    nudges: list[CommandStored | RequestStored] = list(_commands(tx))
    step("commands stored")
    nudges += _requests(tx)
    step("desired stored")
    kept = _keep(spec.name, tx)
    step("state stored")
    return Done(tuple(nudges), _tasks(spec.name, tx), kept)


def _states(handler: str, devices: Iterable[str]) -> dict[str, Any]:
    rows = HandlerDevice.objects.filter(handler_id=handler, device__in=list(devices))
    return dict(rows.values_list("device", "state"))


def _commands(tx: Tx) -> Iterable[CommandStored]:
    for wish in tx.commands:
        try:
            stored = store(wish)
        except NotFoundError:
            continue  # the device was deleted meanwhile
        if stored.is_new:
            yield CommandStored(_shard(wish.device_key), str(stored.command.pk))


def _requests(tx: Tx) -> list[RequestStored]:
    rows = [
        Request(
            device_key=device,
            hash=device_hash(device),
            kind="desired",
            body={"patch": patch, "if_version": None},
            created_by=str(tx.actor),
        )
        for device, patch in tx.patches
    ]
    made = Request.objects.bulk_create(rows)
    return [RequestStored(_shard(row.device_key), row.pk, "") for row in made]


def _shard(device: str) -> int:
    return shard_of(device, settings.DEVICES.shards)


def keeps_any(handler: str) -> bool:
    """Whether a handler keeps something of any device."""
    return HandlerDevice.objects.filter(handler_id=handler).exclude(state={}).exists()


def _keep(handler: str, tx: Tx) -> bool:
    rows = [
        HandlerDevice(handler_id=handler, device=device, state=state)
        for device, state in sorted(tx.changed_states().items())
    ]
    HandlerDevice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["handler", "device"], update_fields=["state"]
    )
    return bool(rows)


def _tasks(handler: str, tx: Tx) -> int:
    now_ms = unix_ms()
    rows = [
        HandlerTask(handler_id=handler, task=task, args=args, made_ms=now_ms, due_ms=now_ms) for task, args in tx.tasks
    ]
    return len(HandlerTask.objects.bulk_create(rows))
