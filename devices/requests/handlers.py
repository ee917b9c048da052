"""What people ask of handlers of apps: how they are doing, to pause, to go on, to begin anew, to try again."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum
from msgspec import Struct

from devices.models import Handler, HandlerCursor, HandlerDevice, HandlerItem, HandlerRunner, HandlerTask, ShardState
from devices.requests.refusals import NotFoundError
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS


class HandlerReport(Struct, frozen=True):
    """How a handler is doing. Times are Unix ms, on the database's clock."""

    name: str
    version: int
    kind: str  # of its items
    state: (
        str  # running | paused | too_far: the log no longer reaches back to it | full | gone: it is in no app any more
    )
    since_ms: int  # when the state became so
    processes: int  # that run it
    lag: int  # commits of all shards that it has not come to yet
    handled: int  # items since it began
    failures: int
    failed_ms: int  # the latest failure; 0: there was none
    why: str  # of that
    parked: int  # devices whose items wait
    waiting: int  # items that wait at them
    left_out: int  # items that were to wait, and were too many
    dead_letters: int
    tasks: int  # that are still to be done
    dead_tasks: int  # that were given up


class ParkedReport(Struct, frozen=True):
    """A device at which a handler fails. Times are Unix ms, on the database's clock."""

    device: str  # key
    since_ms: int
    retry_ms: int  # when the first of its items is tried next
    attempts: int  # of that item
    why: str  # it failed last
    left_out: int  # items that were to wait here, and were too many
    left_out_ms: int  # since when all that comes is left out; 0: it is not


def parked(name: str, after: str, limit: int) -> list[ParkedReport]:
    """The parked devices of a handler, by key.

    Args:
        name: the handler's.
        after: those whose keys come after this one; empty: from the first on.
        limit: so many at most.

    Raises:
        NotFoundError: there is no such handler.
    """
    if not Handler.objects.filter(pk=name).exists():
        raise NotFoundError(f"there is no handler {name}")
    rows = HandlerDevice.objects.filter(handler_id=name, parked_ms__gt=0, device__gt=after).order_by("device")[:limit]
    return [
        ParkedReport(row.device, row.parked_ms, row.retry_ms, row.attempts, row.why, row.left_out, row.left_out_ms)
        for row in rows
    ]


def report(name: str | None = None) -> list[HandlerReport]:
    """All handlers by name, or the one.

    Raises:
        NotFoundError: there is none of this name.
    """
    rows = Handler.objects.order_by("name")
    found = list(rows if name is None else rows.filter(pk=name))
    if name is not None and not found:
        raise NotFoundError(f"there is no handler {name}")
    commits = dict(ShardState.objects.values_list("shard", "commit"))
    counted = _counted()
    return [_report(row, commits, counted) for row in found]


def _counted() -> Mapping[str, Mapping[str, int]]:
    """Rows by what they are and handler."""
    living = Q(beat_ms__gt=DatabaseNowMs() - LEASE_MS)
    return {
        "processes": _counts(HandlerRunner.objects.filter(living)),
        "parked": _counts(HandlerDevice.objects.filter(parked_ms__gt=0)),
        "waiting": _counts(HandlerItem.objects.filter(dead=False)),
        "left_out": _left_out(),
        "dead_letters": _counts(HandlerItem.objects.filter(dead=True)),
        "tasks": _counts(HandlerTask.objects.filter(dead=False)),
        "dead_tasks": _counts(HandlerTask.objects.filter(dead=True)),
    }


def _left_out() -> dict[str, int]:
    rows = HandlerDevice.objects.filter(left_out__gt=0)
    return dict(rows.values_list("handler_id").annotate(items=Sum("left_out")))


def _counts(rows: Any) -> dict[str, int]:
    return dict(rows.values_list("handler_id").annotate(rows=Count("pk")))


def _report(row: Handler, commits: Mapping[int, int], counted: Mapping[str, Mapping[str, int]]) -> HandlerReport:
    cursors = list(HandlerCursor.objects.filter(handler=row))
    latest = max(cursors, key=lambda one: one.failed_ms, default=None)
    too_far_ms = min((one.too_far_ms for one in cursors if one.too_far_ms), default=0)
    state, since_ms = row.state, row.since_ms
    if row.state == "running" and (too_far_ms or row.full_ms):
        state, since_ms = ("too_far", too_far_ms) if too_far_ms else ("full", row.full_ms)
    return HandlerReport(
        name=row.name,
        version=row.version,
        kind=row.kind,
        state=state,
        since_ms=since_ms,
        lag=sum(_lag(one, commits) for one in cursors),
        handled=sum(one.handled for one in cursors),
        failures=sum(one.failures for one in cursors),
        failed_ms=latest.failed_ms if latest else 0,
        why=latest.why if latest else "",
        **{what: counts.get(row.name, 0) for what, counts in counted.items()},
    )


def _lag(cursor: HandlerCursor, commits: Mapping[int, int]) -> int:
    return max(0, commits.get(cursor.shard, 0) - max(0, cursor.commit)) if cursor.begin != "now" else 0


def pause(name: str) -> None:
    """Have a handler stand still, within about a second, until it is to go on.

    Raises:
        NotFoundError: there is no such handler, or it is in no app any more.
    """
    _set_state(name, "paused")


def resume(name: str) -> None:
    """Have it go on; one that is too far behind the log, with the first that the log still has.

    Raises:
        NotFoundError: as :func:`pause`.
    """
    with transaction.atomic():
        _set_state(name, "running")
        _anew(HandlerCursor.objects.filter(handler_id=name, too_far_ms__gt=0), "oldest")


def rebuild(name: str) -> None:
    """Have it begin anew, from the beginning, without anything that it kept. Commands of known keys are not repeated.

    Raises:
        NotFoundError: as :func:`pause`.
    """
    with transaction.atomic():
        _running_or_paused(name)
        _anew(HandlerCursor.objects.filter(handler_id=name), "beginning", commit=0, handled=0, failures=0)
        HandlerDevice.objects.filter(handler_id=name).delete()
        HandlerItem.objects.filter(handler_id=name).delete()


def replay(name: str) -> int:
    """Have parked devices, dead letters and tasks that were given up tried again now.

    Returns:
        How many dead letters and tasks there were.

    Raises:
        NotFoundError: as :func:`pause`.
    """
    with transaction.atomic():
        _running_or_paused(name)
        dead = HandlerItem.objects.select_for_update().filter(handler_id=name, dead=True)
        _park(name, set(dead.values_list("device", flat=True)))
        HandlerDevice.objects.filter(handler_id=name, parked_ms__gt=0).update(retry_ms=0, attempts=0)
        tasks = HandlerTask.objects.filter(handler_id=name)
        given_up = tasks.filter(dead=True).update(dead=False, attempts=0, made_ms=DatabaseNowMs())
        tasks.update(due_ms=DatabaseNowMs())
        return dead.update(dead=False, why="") + given_up


def behind() -> list[str]:
    """The handlers that have begun, and not come to all commits in each shard yet, by name."""
    heads = dict(ShardState.objects.values_list("shard", "commit"))
    rows = HandlerCursor.objects.exclude(handler__state="gone").order_by("handler_id")
    found = list(rows.values_list("handler_id", "shard", "commit", "begin"))
    begun = {name for name, _, _, begin in found if not begin}
    return list(
        dict.fromkeys(
            name
            for name, shard, commit, begin in found
            if name in begun and (begin or commit != heads.get(shard, commit))
        )
    )


def move(shards: int, commit: int) -> None:
    """There is another number of shards now: handlers that have come to all commits go on after this one in each.

    Args:
        shards: how many.
        commit: of each of them.
    """
    begins = dict(HandlerCursor.objects.order_by("handler_id").values_list("handler_id", "begin"))
    HandlerCursor.objects.all().delete()
    HandlerCursor.objects.bulk_create(
        HandlerCursor(handler_id=name, shard=shard, commit=commit, begin=begin)
        for name, begin in begins.items()
        for shard in range(shards)
    )


def _park(name: str, devices: Iterable[str]) -> None:
    """Have the devices of dead letters wait for these, as they come before what comes next."""
    rows = [
        HandlerDevice(handler_id=name, device=device, parked_ms=DatabaseNowMs(), why="replayed") for device in devices
    ]
    HandlerDevice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["handler", "device"], update_fields=["parked_ms", "why"]
    )


def _running_or_paused(name: str) -> Handler:
    row = Handler.objects.select_for_update().filter(pk=name).exclude(state="gone").first()
    if row is None:
        raise NotFoundError(f"there is no handler {name}")
    return row


def _set_state(name: str, state: str) -> None:
    with transaction.atomic():
        row = _running_or_paused(name)
        if row.state != state:
            Handler.objects.filter(pk=name).update(state=state, since_ms=DatabaseNowMs())


def _anew(cursors: Any, begin: str, **more: Any) -> None:
    """Have cursors taken anew: whoever has them loses them at the end of the transaction in hand at the latest."""
    cursors.update(
        begin=begin, generation=F("generation") + 1, owner="", beat_ms=0, done=[], batch=0, suspect="", too_far_ms=0,
        **more,
    )  # fmt: skip
