"""How much a handler has wait: items at parked devices, tasks for later. It is bounded, so nobody fills the disk.

A device has a part of it: what comes beyond is left out, counted, from then on all, until what waits there is handled.
With all of it taken, the handler is full: it takes nothing more in, only tries again what waits; the log keeps the rest
as long as it can. Both are incidents.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.functions import Length

from bridge.gateway_status import Incident
from devices.gateways import record_incident
from devices.handlers.items import Item
from devices.handlers.shards.parked import Parked, encoded
from devices.models import Handler, HandlerItem, HandlerTask
from runtime.database_clock import DatabaseNowMs, unix_ms

log = structlog.get_logger(__name__)

ROW_BYTES: Final = 200  # of a row beside what is in it
_DEVICE: Final = 16  # a device's part of all: one in so many
_LOOK_S: Final = 10.0  # between looks; what this process adds meanwhile is counted
_LOOK_SHARE: Final = 100  # a look may take that part of the time to the next one
_TELL_S: Final = 60.0  # between incidents of what goes on


class Room:
    """What waits for one handler in all of its shards, as one process of it knows it. In one thread.

    Args:
        handler: its name.
        clock: seconds of a monotonic clock.
        limit_bytes: of all that waits; None: HANDLER_WAITING_MB.
    """

    def __init__(
        self, handler: str, clock: Callable[[], float] = time.monotonic, limit_bytes: int | None = None
    ) -> None:
        self._handler, self._clock = handler, clock
        self._limit = settings.DEVICES.handler_waiting_mb * 1024 * 1024 if limit_bytes is None else limit_bytes
        self._devices: dict[str, int] = {}  # bytes that wait, by device
        self._tasks = 0  # bytes
        self._look_s = self._full_told_s = self._left_told_s = float("-inf")
        self._is_full = False
        self._left_out = 0  # items since that was told

    def is_full(self) -> bool:
        """Whether nothing more is to be taken in. Looks now and then, and tells of what has changed.

        Raises:
            django.db.Error: the database failed.
        """
        if self._clock() >= self._look_s:
            self._look()
            self._tell()
        return self._is_full

    def fitting(self, items: Sequence[Item], parked: Mapping[str, Parked]) -> tuple[list[Item], list[Item]]:
        """Of the next items of parked devices, those that may wait, and those that are left out.

        Args:
            items: in order.
            parked: the devices; those that leave something out do so with all that follows.
        """
        waits, out = [], []
        leaving = {device for device, one in parked.items() if one.is_leaving_out}
        added: dict[str, int] = {}
        for item in items:
            before = self._devices.get(item.device, 0) + added.get(item.device, 0)
            size = len(encoded(item)) + ROW_BYTES
            if item.device in leaving or (before and before + size > self._limit // _DEVICE):
                leaving.add(item.device)
                out.append(item)
            else:  # one may wait, whatever its size
                added[item.device] = added.get(item.device, 0) + size
                waits.append(item)
        return waits, out

    def added(self, waits: Sequence[Item], out: Sequence[Item]) -> None:
        """So it was stored."""
        for item in waits:
            self._devices[item.device] = self._devices.get(item.device, 0) + len(encoded(item)) + ROW_BYTES
        if waits and sum(self._devices.values()) + self._tasks > self._limit:
            self._look_s = float("-inf")  # now is the time to look
        self._left_out += len(out)

    def _look(self) -> None:
        begun_s = self._clock()
        items = HandlerItem.objects.filter(handler_id=self._handler, dead=False).values_list("device")
        found = items.annotate(rows=Count("pk"), size=Sum(Length("item")))
        self._devices = {device: size + ROW_BYTES * rows for device, rows, size in found}
        tasks = HandlerTask.objects.filter(handler_id=self._handler, dead=False)
        counted = tasks.aggregate(rows=Count("pk"), size=Sum(Length("args")))
        self._tasks = (counted["size"] or 0) + ROW_BYTES * counted["rows"]
        now_s = self._clock()
        self._look_s = now_s + max(_LOOK_S, _LOOK_SHARE * (now_s - begun_s))
        is_full = sum(self._devices.values()) + self._tasks > self._limit
        if is_full != self._is_full or not is_full:
            self._set(is_full)

    def _set(self, is_full: bool) -> None:
        self._is_full = is_full
        rows = Handler.objects.filter(pk=self._handler)
        if is_full and rows.filter(full_ms=0).update(full_ms=DatabaseNowMs()):
            log.error("a handler is full: too much waits for it, it takes no more", handler=self._handler)
        elif not is_full and rows.filter(full_ms__gt=0).update(full_ms=0):
            log.info("a handler is full no longer", handler=self._handler)

    def _tell(self) -> None:
        now_s = self._clock()
        if self._is_full and now_s - self._full_told_s >= _TELL_S:
            self._full_told_s = now_s
            tell(self._handler, "handler_full", "too much waits at parked devices or in tasks: it takes no more")
        if self._left_out and now_s - self._left_told_s >= _TELL_S:
            self._left_told_s, count, self._left_out = now_s, self._left_out, 0
            tell(
                self._handler, "handler_left_out", "too much waits at a parked device: later items are left out", count
            )


def tell(handler: str, kind: str, detail: str, count: int = 1, since_ms: int | None = None) -> None:
    """Record an incident of a handler, or extend it."""
    now_ms = unix_ms()
    told: dict[str, Any] = {"since_ms": since_ms or now_ms, "until_ms": now_ms, "count": count, "detail": detail}
    record_incident(Incident(kind=kind, gateway=f"handler {handler}", **told))
