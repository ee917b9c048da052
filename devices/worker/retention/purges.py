"""What retention removes, kind by kind, a step at a time (scope.py). When steps are made is in retention.py."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, get_args

from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Length
from msgspec import Struct

from devices.models import Command, Device, Event, Quarantined, Reading, Request, Rollup, Twin
from devices.rules.commands import OPEN, Status
from devices.worker.retention.scope import Scope

CHUNK_DEVICES: Final = 100  # looked at together …
GROUP_DEVICES: Final = 20  # … and purged together; more would cost more than the rows of which there are fewer then
CHUNK_PAUSE_S: Final = 0.25  # to the next ones, when there was nothing (more) to remove
AGED_PAUSE_S: Final = 60.0  # to the next look for what is too old: it is no hurry
LOOK_PAUSE_S: Final = 20.0  # to the next look for what is deleted, or too much
STEP_BYTES: Final = 4 * 1024 * 1024  # of payloads, removed at a time
_DAY_MS: Final = 86_400_000
_OVER: Final = tuple(status for status in get_args(Status) if status not in OPEN)


class Histories:
    """Readings or events of our devices, each device's oldest revs first.

    Per device, the order of revs is about that of reception, so its first row tells whether anything is due: no index
    on the time of rows is needed. Devices are looked at in chunks; those with due rows stay until nothing is. A step
    shares its rows evenly among some of them.

    Args:
        model: Reading or Event.
        time_field: its reception in Unix ms.
    """

    def __init__(self, model: type[Model], time_field: str) -> None:
        self._rows = model._default_manager
        self._time_field = time_field
        self._waiting: list[int] = []  # devices still to be looked at in this pass, the next ones last
        self._chunk: list[int] = []
        self._shards: set[int] = set()

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        shards = {shard.number for shard in scope.shards}
        if shards - self._shards:  # one has been taken: who had it before may have seen less
            self._chunk, self._waiting = [], []
        self._shards = shards
        if not self._chunk and not self._next_chunk(scope):
            return AGED_PAUSE_S
        due = self._due(scope.cutoff_ms)
        self._chunk = [one.device for one in due]
        if not due:
            return CHUNK_PAUSE_S if self._waiting else AGED_PAUSE_S
        self._remove(due[:GROUP_DEVICES], scope, limit)
        return 0

    def _next_chunk(self, scope: Scope) -> bool:
        if not self._waiting:
            ids = (member.id for shard in scope.shards for member in shard.members.values())
            self._waiting = sorted(ids, reverse=True)
        self._chunk, self._waiting = self._waiting[-CHUNK_DEVICES:], self._waiting[:-CHUNK_DEVICES]
        return bool(self._chunk)

    def _due(self, cutoff_ms: int) -> list["_Due"]:
        first = self._rows.filter(device=OuterRef("pk")).order_by("rev")
        rev, ms = Subquery(first.values("rev")[:1]), Subquery(first.values(self._time_field)[:1])
        rows = Twin.objects.filter(pk__in=self._chunk).annotate(first_rev=rev, first_ms=ms)
        found = rows.values_list("pk", "purged_rev", "first_rev", "first_ms")
        return [_Due(pk, purged, rev) for pk, purged, rev, ms in found if ms is not None and ms < cutoff_ms]

    def _remove(self, due: Sequence["_Due"], scope: Scope, limit: int) -> None:
        each = max(1, limit // len(due))
        which = Q()
        for one in due:
            which |= Q(device_id=one.device, rev__gte=one.first_rev, rev__lt=one.first_rev + each)
        rows = self._rows.filter(which, **{f"{self._time_field}__lt": scope.cutoff_ms})
        with scope.removing():
            last = dict(rows.order_by().values_list("device_id").annotate(last=Max("rev")))
            rows.delete()
            _raise_purged({one.device: last[one.device] for one in due if last.get(one.device, 0) > one.purged_rev})


class _Due(Struct, frozen=True):
    """A device with rows that are too old."""

    device: int  # primary key
    purged_rev: int
    first_rev: int


def _raise_purged(revs: dict[int, int]) -> None:
    """No stream leads over a removed row any more, by primary key of the device."""
    Twin.objects.bulk_update([Twin(pk=device, purged_rev=rev) for device, rev in revs.items()], ["purged_rev"])


class Commands:
    """Commands that are over, or delivered and never answered, by the end of their time."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        old = Command.objects.filter(status__in=_OVER, expires_at__lt=_utc(scope.cutoff_ms))
        return remove_first(scope.ours(old, "device__hash"), scope, limit)


class Requests:
    """Requests that are settled or withdrawn: whoever asked has read the result long ago."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        old = Request.objects.filter(created_at__lt=_utc(scope.now_ms - _DAY_MS))
        over = old.exclude(status=Request.Status.PENDING).order_by("created_at")
        return remove_first(scope.ours(over, "hash"), scope, limit)


class OldQuarantine:
    """Quarantined messages by age."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        old = Quarantined.objects.filter(received_ms__lt=scope.cutoff_ms).order_by("received_ms")
        return remove_first(ours(old, scope), scope, limit)


def ours(quarantined: QuerySet[Quarantined], scope: Scope) -> QuerySet[Any]:
    """Quarantined messages of devices and sources of our shards."""
    return scope.ours(quarantined.annotate(its_hash=Coalesce("device__hash", "hash")), "its_hash")


class Deleted:
    """The history of deleted devices, and last the devices' rows (devices.requests.registry.forget_devices)."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        first = list(scope.ours(Device.deleted.order_by("pk"), "hash").values_list("pk", flat=True)[:limit])
        if not first:
            return LOOK_PAUSE_S
        of = OuterRef("pk")
        history = [Exists(model._default_manager.filter(device=of)) for model in (Reading, Event, Quarantined, Rollup)]
        bare = list(Device.deleted.filter(pk__in=first).exclude(history[0] | history[1] | history[2] | history[3]))
        if bare:
            with scope.removing():
                Device.deleted.filter(pk__in=[device.pk for device in bare]).delete()
        else:
            self._remove_history(first[0], scope, limit)
        return 0

    def _remove_history(self, device_id: int, scope: Scope, limit: int) -> None:
        for model in (Reading, Event):
            if _remove_oldest(model._default_manager.filter(device=device_id), scope, limit):
                return
        if not remove_some(Quarantined.objects.filter(device=device_id).order_by("pk"), scope, limit):
            _remove_rollups(device_id, scope, limit)


def _remove_rollups(device_id: int, scope: Scope, limit: int) -> None:
    """Remove up to ``limit`` rollups of one device, those of a level together."""
    rows = Rollup.objects.filter(device=device_id).order_by("level", "begin_ms")
    first = list(rows.values_list("level", "begin_ms")[:limit])
    if first:
        begins = [begin for level, begin in first if level == first[0][0]]
        with scope.removing():
            rows.filter(level=first[0][0], begin_ms__lte=begins[-1]).delete()


def _remove_oldest(history: QuerySet[Any], scope: Scope, limit: int) -> bool:
    """Remove up to ``limit`` rows of one device, by a range of revs: much quicker than one by one. Whether any."""
    revs = history.order_by("rev").values_list("rev", flat=True)
    last = next(iter(revs[limit - 1 : limit]), None)
    rows = history if last is None else history.filter(rev__lte=last)
    with scope.removing():
        return bool(rows.delete()[0])


def remove_first(rows: QuerySet[Any], scope: Scope, limit: int) -> float:
    """Remove the first of ``rows``. The seconds until the next look."""
    return 0 if remove_some(rows, scope, limit) else AGED_PAUSE_S


def remove_some(rows: QuerySet[Any], scope: Scope, limit: int) -> int:
    """Remove the first of ``rows``, of quarantined messages about ``STEP_BYTES``. How many there were."""
    if rows.model is Quarantined:
        ids = list(_within(rows.values_list("pk", Length("payload"))[:limit]))
    else:
        ids = list(rows.values_list("pk", flat=True)[:limit])
    if ids:
        with scope.removing():
            rows.model._default_manager.filter(pk__in=ids).delete()
    return len(ids)


def _within(rows: Iterable[tuple[int, int]]) -> Iterator[int]:
    total = 0
    for pk, size in rows:
        if total > STEP_BYTES:
            return
        total += size
        yield pk


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
