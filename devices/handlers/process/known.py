"""Brings the tables of handlers up to date with the code of the apps."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from django.db import transaction

from devices.handlers.registry import HandlerSpec, Start
from devices.handlers.shards import begins
from devices.models import Handler, HandlerCursor, HandlerDevice, HandlerItem, HandlerRunner
from runtime.database_clock import DatabaseNowMs
from runtime.leases import LEASE_MS

log = structlog.get_logger(__name__)


def bring_up_to_date(specs: Mapping[str, HandlerSpec], shards: int) -> set[str]:
    """Make rows of new handlers, begin anew those of another version, mark those that are gone.

    A handler of another version that somebody still runs is left alone, until nobody does.

    Returns:
        The names of those that can be run.
    """
    rows = {row.name: row for row in Handler.objects.all()}
    for name in rows.keys() - specs.keys():
        _mark(rows[name], "gone")
        begins.drop(name)
    return {name for name, spec in specs.items() if _is_ready(spec, rows.get(name), shards)}


def _is_ready(spec: HandlerSpec, row: Handler | None, shards: int) -> bool:
    if row is not None and row.version != spec.version and _is_run(row.name):
        return False
    with transaction.atomic():
        if row is None or row.version != spec.version:
            _begin_anew(spec, row)
        elif row.state == "gone":
            _mark(row, "running")
        _add_cursors(spec, shards)
    return True


def _is_run(name: str) -> bool:
    return HandlerRunner.objects.filter(handler_id=name, beat_ms__gt=DatabaseNowMs() - LEASE_MS).exists()


def _begin_anew(spec: HandlerSpec, row: Handler | None) -> None:
    """A new handler, or one of another version: it keeps nothing of before, but a pause."""
    state = "paused" if row is not None and row.state == "paused" else "running"
    Handler.objects.update_or_create(
        name=spec.name,
        defaults={
            "version": spec.version,
            "state": state,
            "since_ms": DatabaseNowMs(),
            "kind": spec.wanted.kind.__name__,
            "on_failure": spec.on_failure,
        },
    )
    for model in (HandlerCursor, HandlerDevice, HandlerItem):
        model.objects.filter(handler_id=spec.name).delete()
    log.info("a handler begins", handler=spec.name, version=spec.version, start=start_in_words(spec.start))


def _add_cursors(spec: HandlerSpec, shards: int) -> None:
    known = set(HandlerCursor.objects.filter(handler_id=spec.name).values_list("shard", flat=True))
    begin = start_in_words(spec.start)
    HandlerCursor.objects.bulk_create(
        (HandlerCursor(handler_id=spec.name, shard=shard, begin=begin) for shard in _missing(known, shards)),
        ignore_conflicts=True,
    )


def _missing(known: set[int], shards: int) -> Iterable[int]:
    return (shard for shard in range(shards) if shard not in known)


def _mark(row: Handler, state: str) -> None:
    if row.state != state:
        Handler.objects.filter(pk=row.pk).update(state=state, since_ms=DatabaseNowMs())


def start_in_words(start: Start) -> str:
    """As HandlerCursor.begin has it."""
    return str(round(start.timestamp() * 1000)) if isinstance(start, datetime) else start
