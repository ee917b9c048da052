"""The topic filters that sources want, as their gateways read them: kept equal to what the sources' states say.

They follow from the model alone, so they are compared only when that has changed.
"""

from typing import Final

import structlog

from bridge.dialects.dialect import Filter
from bridge.dialects.refusals.guard import filter_error
from bridge.dialects.registry import Dialects
from devices.models import SourceFilter
from devices.models.sources import MAX_FILTER_CHARS
from devices.worker.memory.bulk_writes import Table
from devices.worker.sources.known_sources import KnownSource
from devices.worker.sources.storing import Counts

log = structlog.get_logger(__name__)

MOST_FILTERS: Final = 10_000  # of a source
_CHUNK: Final = 500
_FIELDS: Final = Filter.__struct_fields__
_KEY: Final = ("source", "dialect", "topic_filter")
_FILTERS: Final = Table(SourceFilter, ("source", "dialect", *_FIELDS), _KEY, _FIELDS[1:])


def follow(source: KnownSource, dialects: Dialects, counts: Counts) -> bool:
    """Write what a source wants now, in the caller's transaction. Whether that is another thing than before.

    Args:
        source: whose model has changed.
        dialects: of the installation: what is theirs can't be wanted.
        counts: for the ledger; takes what is refused.

    Raises:
        django.db.Error: the database failed.
    """
    try:
        wanted = source.dialect.wanted(source.state)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=source.dialect.name, source=source.key)
        return False
    if not wanted and not source.filter_count:
        return False
    before = _known(source)
    after = _allowed(wanted, before, dialects, source, counts)
    new = [one for name, one in after.items() if before.get(name) != one]
    gone = [name for name in before if name not in after]
    if not new and not gone:
        return False
    name = source.dialect.name
    _FILTERS.write([(source.key, name, *[getattr(one, field) for field in _FIELDS]) for one in new])
    rows = SourceFilter.objects.filter(source=source.key, dialect=name)
    for begin in range(0, len(gone), _CHUNK):
        rows.filter(topic_filter__in=gone[begin : begin + _CHUNK]).delete()
    source.filters, source.filter_count = after, len(after)
    return True


def _known(source: KnownSource) -> dict[str, Filter]:
    if source.filters is None:
        rows = SourceFilter.objects.filter(source=source.key, dialect=source.dialect.name)
        source.filters = {row[0]: Filter(*row) for row in rows.values_list(*_FIELDS)} if source.filter_count else {}
    return source.filters


def _allowed(
    wanted: tuple[Filter, ...], before: dict[str, Filter], dialects: Dialects, source: KnownSource, counts: Counts
) -> dict[str, Filter]:
    """What is refused is counted each time that it is looked at, and logged once a look."""
    after: dict[str, Filter] = {}
    refused: dict[str, str] = {}
    for one in wanted:
        name = one.topic_filter
        if name in after:
            continue
        error = None if name in before else _error(name, dialects)
        if error is None and len(after) >= MOST_FILTERS:
            error = "too_many"
        if error is None:
            after[name] = one
        else:
            refused[name] = error
    if refused:
        counts["noted", "filter_refused"] += len(refused)
        name, reason = next(iter(refused.items()))
        log.warning("filters refused", source=source.key, count=len(refused), first=name[:200], reason=reason)
    return after


def _error(topic_filter: str, dialects: Dialects) -> str | None:
    return "too_long" if len(topic_filter) > MAX_FILTER_CHARS else filter_error(dialects, topic_filter)
