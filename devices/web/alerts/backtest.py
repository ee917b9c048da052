"""What a rule would have done, by what is stored: readings by their own time, presence and events from the record."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from threading import BoundedSemaphore
from typing import Any, Final

from django.db import connection
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from msgspec import json

from devices.models import Change, Twin
from devices.requests.alert_rules import read_rule
from devices.requests.refusals import BadRequestError, RateLimitedError
from devices.rules.alerts.observations import Happened, Observation, Passed, PresenceBecame
from devices.rules.alerts.rule import Rule, TimedRule, as_json
from devices.rules.alerts.trial import Row, Trial, decoder
from devices.web.alerts.reading_ahead import ahead
from runtime.database_clock import unix_ms

MOST_DEVICES: Final = 1_000
MOST_RAISES: Final = 10_000
MOST_MS: Final = 400 * 86_400_000
AT_ONCE: Final = 2  # in a process
_ROWS: Final = 10_000  # about so many are read at a time …
_BYTES: Final = 4 * 1024 * 1024  # … or so much
_FIRST_MS: Final = 3_600_000  # how long a time is read first
_FASTER: Final = 8  # how much longer at most the next one is

_busy: Final = BoundedSemaphore(AT_ONCE)
_decode: Final = json.Decoder().decode
_SQL: Final = """\
SELECT {concat}, COUNT(*) FROM (
  SELECT ts, metrics FROM devices_reading WHERE device_id = %s AND ts >= %s AND ts < %s ORDER BY ts, rev
) AS page
"""  # both databases take the rows in the order of the subquery
_CONCAT: Final = {
    "postgresql": "string_agg('[' || ts || ',' || metrics || ']', ',')",
    "sqlite": "group_concat('[' || ts || ',' || metrics || ']', ',')",
}


def backtest(rule: Rule, since_ms: int, until_ms: int | None, visible: Q) -> dict[str, Any]:
    """Try a rule.

    Args:
        rule: that may be kept.
        since_ms: Unix ms, as the next one; None: now.
        until_ms: not included.
        visible: the devices that may be looked at, as a filter of their twins.

    Raises:
        BadRequestError: there is no such time.
        RateLimitedError: others are at it.
    """
    now_ms = unix_ms()
    until_ms = now_ms if until_ms is None else min(until_ms, now_ms)
    if not 0 <= since_ms < until_ms or until_ms - since_ms > MOST_MS:
        raise BadRequestError("since, until: Unix ms, at most 400 days, and not in the future")
    if not _busy.acquire(blocking=False):
        raise RateLimitedError(f"{AT_ONCE} backtests run already; try again soon")
    try:
        return _tried(read_rule(as_json(rule)), since_ms, until_ms, visible)
    finally:
        _busy.release()


def _tried(timed: TimedRule, since_ms: int, until_ms: int, visible: Q) -> dict[str, Any]:
    found = list(islice(_devices(timed, visible), MOST_DEVICES + 1))
    items: list[dict[str, Any]] = []
    history = _History(timed, since_ms, until_ms)
    devices = 0
    for (_, key), trial in zip(found, history.trials(found[:MOST_DEVICES]), strict=False):
        devices += 1
        items += [
            {"device": key, "raised": one.raised, "cleared": one.cleared, "count": one.count} for one in trial.raises
        ]
        if len(items) >= MOST_RAISES:
            break
    complete = devices == len(found) and len(items) <= MOST_RAISES
    shown = items[:MOST_RAISES]
    return {"items": shown, "next": None, "devices": devices, "readings": history.readings, "complete": complete}


def _devices(timed: TimedRule, visible: Q) -> Iterator[tuple[int, str]]:
    """Those that the rule covers now, by key."""
    scope = timed.rule.scope
    rows = Twin.objects.filter(visible).order_by("device__key")
    if scope.site is not None:
        rows = rows.filter(device__site__name=scope.site)
    if scope.devices:
        rows = rows.filter(device__key__in=scope.devices)
    described = Cast("device__description__doc", TextField())
    columns = rows.annotate(described=described).values_list("pk", "device__key", "tags", "described")
    for pk, key, tags, text in columns.iterator(chunk_size=500):
        if scope.covers(key, tags, lambda text=text: _model(text)):  # type: ignore[misc]
            yield pk, key


def _model(text: str | None) -> str:
    return str(_decode(text)["document"]["value"].get("model", "")) if text else ""


class _History:
    """Reads what is stored.

    Args:
        timed: the rule that is tried.
        since_ms: Unix ms, as the next one.
        until_ms: not included.
    """

    def __init__(self, timed: TimedRule, since_ms: int, until_ms: int) -> None:
        self._timed, self._since_ms, self._until_ms = timed, since_ms, until_ms
        self._read = decoder(timed.rule.condition)
        self._sql = _SQL.format(concat=_CONCAT[connection.vendor])
        self._needs_readings = timed.rule.condition.kind not in ("presence", "event")
        self.readings = 0

    def trials(self, devices: Sequence[tuple[int, str]]) -> Iterator[Trial]:
        """The rule, tried on each of some devices, by primary key and key."""
        keys = dict(devices)
        if not self._needs_readings:
            yield from (self._tried(key, ()) for _, key in devices)
            return
        with ahead(self._texts([pk for pk, _ in devices])) as texts:
            for pk, its in groupby(texts, key=lambda one: one[0]):
                yield self._tried(keys[pk], (self._rows(text, count) for _, text, count in its))

    def _tried(self, key: str, pages: Iterable[list[Row]]) -> Trial:
        trial = Trial(self._timed)
        others = self._others(key)
        other = next(others, None)
        for rows in pages:
            begin = 0
            while rows and other is not None and other.at <= rows[-1].ts:
                end = begin
                while rows[end].ts < other.at:
                    end += 1
                trial.readings(rows[begin:end])
                trial.take(other)
                begin, other = end, next(others, None)
            trial.readings(rows[begin:] if begin else rows)
        while other is not None:
            trial.take(other)
            other = next(others, None)
        trial.take(Passed(self._until_ms))
        return trial

    def _rows(self, text: str, count: int) -> list[Row]:
        self.readings += count
        return self._read(f"[{text}]".encode())

    def _texts(self, devices: Iterable[int]) -> Iterator[tuple[int, str, int]]:
        """Devices' readings by time, some at a time, as JSON; of one that has none, an empty text."""
        for pk in devices:
            begin_ms, length_ms = self._since_ms, _FIRST_MS
            yield pk, "", 0
            while begin_ms < self._until_ms:
                end_ms = min(begin_ms + length_ms, self._until_ms)
                with connection.cursor() as cursor:
                    cursor.execute(self._sql, [pk, begin_ms, end_ms])
                    text, count = cursor.fetchone()
                if count:
                    yield pk, text, count
                much = max(count / _ROWS, len(text or "") / _BYTES, 1 / _FASTER)
                begin_ms, length_ms = end_ms, max(1, int(length_ms * min(1 / much, _FASTER)))

    def _others(self, key: str) -> Iterator[Observation]:
        """Its presence and events, by time. What it was before is told by the last change before."""
        rows = Change.objects.filter(device=key, kind__in=("presence", "event"))
        texts = rows.annotate(text=Cast("patch", TextField())).order_by("commit", "nth")
        before = texts.filter(kind="presence", at_ms__lt=self._since_ms).reverse().first()
        if before is not None:
            yield _observation(before.kind, self._since_ms, before.patch)
        during = texts.filter(at_ms__gte=self._since_ms, at_ms__lt=self._until_ms)
        for kind, at_ms, text in during.values_list("kind", "at_ms", "text").iterator(chunk_size=2_000):
            yield _observation(kind, at_ms, _decode(text))


def _observation(kind: str, at_ms: int, patch: Any) -> Observation:
    if kind == "event":
        return Happened(patch["ts"], patch["name"])
    return PresenceBecame(at_ms, patch["status"], patch["since"], patch["why"] == "link_down")
