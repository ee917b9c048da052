"""Devices at which a handler fails: their items wait, in order, and the first is tried again and again."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db.models import F
from msgspec import Struct

from bridge.shards import shard_of
from devices.handlers.items import KINDS, Item
from devices.models import HandlerDevice, HandlerItem
from runtime.backoff import backoff_s

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 60.0
_LETTER_ATTEMPTS: Final = 5  # then an item is a dead letter, where the handler says so
_AT_ONCE: Final = 100  # items of a device that are looked at
_FIELDS: Final = ("device", "retry_ms", "attempts", "left_out_ms")  # as of Parked


class Parked(Struct):
    """A parked device."""

    device: str
    retry_ms: int  # Unix ms
    attempts: int  # of the first of its items
    left_out_ms: int = 0  # Unix ms; since when items are left out, as too much waits; 0: they are not

    @property
    def is_leaving_out(self) -> bool:
        """Whether all that comes is left out, until what waits is handled."""
        return self.left_out_ms > 0


class Waiting(Struct, frozen=True):
    """An item that waits."""

    pk: int
    item: Item


def parked_devices(handler: str, shard: int) -> dict[str, Parked]:
    """The parked devices of a shard, by key."""
    rows = HandlerDevice.objects.filter(handler_id=handler, parked_ms__gt=0)
    every = (Parked(*row) for row in rows.values_list(*_FIELDS))
    return {one.device: one for one in every if shard_of(one.device, settings.DEVICES.shards) == shard}


def waiting(handler: str, device: str) -> list[Waiting]:
    """The first items that wait at a device, in order."""
    rows = HandlerItem.objects.filter(handler_id=handler, device=device, dead=False).order_by("pk")
    return [Waiting(row.pk, _decoded(row)) for row in rows[:_AT_ONCE]]


def hold(handler: str, items: Sequence[Item], now_ms: int) -> None:
    """Put items behind those that wait at their devices."""
    rows = [
        HandlerItem(handler_id=handler, device=one.device, kind=type(one).__name__, item=encoded(one), at_ms=now_ms)
        for one in items
    ]
    HandlerItem.objects.bulk_create(rows)


def leave_out(handler: str, items: Sequence[Item], now_ms: int) -> None:
    """Take down that these are neither handled nor wait."""
    for device, count in Counter(item.device for item in items).items():
        _row(handler, device).update(left_out=F("left_out") + count)
        _row(handler, device).filter(left_out_ms=0).update(left_out_ms=now_ms)


def encoded(item: Item) -> bytes:
    """As it is stored."""
    return msgspec.json.encode(item)


def park(handler: str, device: str, why: str, now_ms: int) -> Parked:
    """Have a device wait; its first item is held by :func:`hold`."""
    values = {"parked_ms": now_ms, "retry_ms": now_ms + _pause_ms(0), "attempts": 1, "why": why}
    HandlerDevice.objects.update_or_create(handler_id=handler, device=device, defaults=values)
    return Parked(device, int(values["retry_ms"]), 1)  # type: ignore[call-overload]


def failed_again(handler: str, parked: Parked, why: str, now_ms: int) -> None:
    """The first item has failed once more: later, again."""
    retry_ms = now_ms + _pause_ms(parked.attempts)
    _row(handler, parked.device).update(retry_ms=retry_ms, attempts=parked.attempts + 1, why=why)


def is_given_up(on_failure: str, parked: Parked) -> bool:
    """Whether the first item of a device has been tried often enough, should it fail once more."""
    return on_failure == "dead_letter" and parked.attempts + 1 >= _LETTER_ATTEMPTS


def bury(first: Waiting, why: str) -> None:
    """Make an item a dead letter."""
    HandlerItem.objects.filter(pk=first.pk).update(dead=True, why=why)


def remove(done: Collection[Waiting]) -> None:
    """These items are handled."""
    HandlerItem.objects.filter(pk__in=[one.pk for one in done]).delete()


def go_on(handler: str, device: str) -> None:
    """The first item is out of the way: the next ones come at once. Without any, the device is parked no longer."""
    more = HandlerItem.objects.filter(handler_id=handler, device=device, dead=False).exists()
    free = {} if more else {"parked_ms": 0, "why": "", "left_out_ms": 0}
    _row(handler, device).update(retry_ms=0, attempts=0, **free)


def still_parked(handler: str, device: str) -> Parked | None:
    """What is known of a device by now; None: it is parked no longer."""
    found = _row(handler, device).filter(parked_ms__gt=0).values_list(*_FIELDS).first()
    return Parked(*found) if found else None


def due(parked: Iterable[Parked], now_ms: int) -> Parked | None:
    """The device whose turn has come first; None: there is none yet."""
    ready = [one for one in parked if one.retry_ms <= now_ms]
    return min(ready, key=lambda one: one.retry_ms, default=None)


def _row(handler: str, device: str) -> Any:
    return HandlerDevice.objects.filter(handler_id=handler, device=device)


def _pause_ms(attempts: int) -> int:
    return round(backoff_s(attempts, _FIRST_S, _LONGEST_S, random.random()) * 1000)


def _decoded(row: HandlerItem) -> Item:
    return msgspec.convert(row.item, KINDS[row.kind])
