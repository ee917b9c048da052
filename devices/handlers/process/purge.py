"""Removes what handlers have kept for too long: dead letters, tasks that were given up, items that wait at devices.

They go RETENTION_DAYS after they were put there, as the readings do that they were made of, a few at a time; of dead
letters and of given-up tasks each handler keeps the latest MOST_DEAD. Items that waited count as left out at their
device. Whoever runs handlers does so; several at once do no harm.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from devices.handlers.shards.room import tell
from devices.models import Handler, HandlerDevice, HandlerItem, HandlerTask
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

MOST_DEAD: Final = 10_000
_STEP: Final = 500  # rows in a transaction
_PAUSE_S: Final = 60.0  # to the next look when there was nothing (more)
_DAY_MS: Final = 86_400_000


class Purge:
    """Looks now and then. In one thread.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + _PAUSE_S

    def run(self) -> None:
        """One step, if it is time for one.

        Raises:
            django.db.Error: the database failed.
        """
        if self._clock() < self._next_s:
            return
        if not step(unix_ms() - settings.DEVICES.retention_days * _DAY_MS):
            self._next_s = self._clock() + _PAUSE_S


def step(before_ms: int) -> int:
    """Remove some of what is older than that, or too much; how many rows that were."""
    names = list(Handler.objects.values_list("name", flat=True))
    return sum(_too_old(name, before_ms) + _too_many(name) for name in names)


def _too_old(name: str, before_ms: int) -> int:
    tasks = HandlerTask.objects.filter(handler_id=name, dead=True, due_ms__lt=before_ms)
    letters = HandlerItem.objects.filter(handler_id=name, dead=True, at_ms__lt=before_ms)
    return _remove(tasks) + _remove(letters) + _left_out(name, before_ms)


def _left_out(name: str, before_ms: int) -> int:
    """Items that have waited too long."""
    rows = HandlerItem.objects.filter(handler_id=name, dead=False, at_ms__lt=before_ms).order_by("pk")
    with transaction.atomic():
        found = dict(rows.values_list("pk", "device")[:_STEP])
        if not found:
            return 0
        for device, count in Counter(found.values()).items():
            of = HandlerDevice.objects.filter(handler_id=name, device=device)
            of.update(left_out=F("left_out") + count)
        HandlerItem.objects.filter(pk__in=found).delete()
    tell(name, "handler_left_out", "items have waited for longer than RETENTION_DAYS: left out", len(found))
    return len(found)


def _too_many(name: str) -> int:
    """Beyond the latest ones."""
    gone = 0
    for rows in (HandlerTask.objects.filter(dead=True), HandlerItem.objects.filter(dead=True)):
        dead: Any = rows.filter(handler_id=name).order_by("-pk")
        oldest = dead.values_list("pk", flat=True)[MOST_DEAD : MOST_DEAD + 1].first()
        if oldest is not None:
            gone += _remove(dead.filter(pk__lte=oldest))
    if gone:
        log.warning("too many dead letters or tasks given up: the oldest are removed", handler=name, rows=gone)
        tell(name, "handler_left_out", f"over {MOST_DEAD} dead letters or tasks given up: the oldest are gone", gone)
    return gone


def _remove(rows: Any) -> int:
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:_STEP])
    if found:
        rows.model.objects.filter(pk__in=found).delete()
    return len(found)
