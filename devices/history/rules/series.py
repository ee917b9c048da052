"""One metric of one device over a time, value by value in the order of their times, in at most so many points.

Few values stay as they are. More are gathered in buckets: of numbers count, least, greatest, mean and last; of texts
and booleans, which have no mean, each value's share of the time of the bucket. A value holds until the next one, and
null, which is a gap, ends it.
"""

import math
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from devices.history.rules.windows import Window

Kind = Literal["numbers", "states"]
Value = str | float | bool | None
Columns = dict[str, list[Any]]

MAX_STATES: Final = 50  # values told apart in a bucket; what the rarest share is put together as OTHERS
OTHERS: Final = "…"


class MixedError(Exception):
    """Numbers and other values stand in one series: it has to be read as states from the beginning."""


def kind_of(value: Value) -> Kind:
    """Of a value that is not null."""
    return "states" if isinstance(value, (str, bool)) else "numbers"


def name_of(value: Value) -> str:
    """What a value is called among shares: a text itself, else its JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Series:
    """Takes readings' values in the order (ts, rev), all of them within the window.

    Args:
        window: the time.
        kind: None: the first value says it.
        held: what held before the window, for states.
    """

    def __init__(self, window: Window, kind: Kind | None = None, held: Value = None) -> None:
        self.window, self.kind = window, kind
        self._held = held
        self._few: list[tuple[int, Value]] | None = []
        self._buckets: _Numbers | _States | None = None

    def add(self, ts: int, value: Value) -> None:
        """Take the next value.

        Raises:
            MixedError: it is of another kind than those before.
        """
        if value is not None and self.kind != "states" and kind_of(value) != self.kind:
            kind = kind_of(value)
            of_nulls = isinstance(self._buckets, _Numbers)
            if self.kind is not None or (of_nulls and kind == "states"):  # nulls alone are taken for numbers'
                raise MixedError
            self.kind = kind
        if self._few is None:
            self._gathered().add(ts, value)
            return
        self._few.append((ts, value))
        if len(self._few) >= self.window.points:
            few, self._few = self._few, None
            for one in few:
                self._gathered().add(*one)

    def _gathered(self) -> "_Numbers | _States":
        if self._buckets is None:
            of_states = self.kind == "states"
            self._buckets = _States(self.window, self._held) if of_states else _Numbers(self.window)
        return self._buckets

    @property
    def is_raw(self) -> bool:
        """Whether its values stay as they are, being fewer than points."""
        return self._few is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come."""
        return self._few == []

    @property
    def bucket_ms(self) -> int:
        """The width of its buckets; 0: raw values."""
        return 0 if self.is_raw else self.window.bucket_ms

    def columns(self, now_ms: int) -> Columns:
        """All of it, by column, each as long as ``ts``.

        Args:
            now_ms: nothing holds longer than until now.
        """
        if self._few is not None:
            return {"ts": [ts for ts, _ in self._few], "last": [value for _, value in self._few]}
        return self._gathered().columns(min(now_ms, self.window.until))


class _Numbers:
    """Buckets of numbers."""

    def __init__(self, window: Window) -> None:
        self._width_ms = window.bucket_ms
        self._begin = -1
        self._values: list[float] = []
        self._columns: Columns = {name: [] for name in ("ts", "count", "min", "max", "mean", "last")}

    def add(self, ts: int, value: Any) -> None:
        if value is None:
            return
        begin = ts // self._width_ms * self._width_ms
        if begin != self._begin:
            self._close()
            self._begin = begin
        self._values.append(value)

    def _close(self) -> None:
        values = self._values
        if values:
            row = (self._begin, len(values), min(values), max(values), mean_of(values), values[-1])
            for column, one in zip(self._columns.values(), row, strict=True):
                column.append(one)
            self._values = []

    def columns(self, _until: int) -> Columns:
        self._close()
        return self._columns


def mean_of(values: list[float]) -> float:
    """Their mean, as exact as a double is; never beyond the doubles, though their sum may be."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


class _Bucket(Struct):
    """How long each value held in a bucket, in ms."""

    count: int = 0
    last: Value = None
    held_ms: dict[str, int] = field(default_factory=dict)


class _States:
    """Buckets of texts and booleans."""

    def __init__(self, window: Window, held: Value) -> None:
        self._window, self._width_ms = window, window.bucket_ms
        self._buckets: dict[int, _Bucket] = {}
        self._held, self._held_since = held, window.since
        self._current = -1  # begin of the last bucket in which something came

    def add(self, ts: int, value: Value) -> None:
        self._hold_until(ts)
        begin = ts // self._width_ms * self._width_ms
        bucket = self._buckets.setdefault(begin, _Bucket())
        if begin != self._current:
            self._spend(bucket, max(begin, self._held_since), ts)
            self._current = begin
        if value is not None:
            bucket.count += 1
            bucket.last = value
        self._held, self._held_since = value, ts

    def _hold_until(self, ts: int) -> None:
        """The last value held until then: in the bucket that is open, at most to its end."""
        if (bucket := self._buckets.get(self._current)) is not None:
            self._spend(bucket, self._held_since, min(ts, self._current + self._width_ms))

    def _spend(self, bucket: _Bucket, since: int, until: int) -> None:
        if until > since and self._held is not None:
            name = name_of(self._held)
            bucket.held_ms[name] = bucket.held_ms.get(name, 0) + until - since

    def columns(self, until: int) -> Columns:
        self._hold_until(until)
        self._held = None
        listed = {begin: bucket for begin, bucket in self._buckets.items() if bucket.count}
        return {
            "ts": list(listed),
            "count": [bucket.count for bucket in listed.values()],
            "last": [bucket.last for bucket in listed.values()],
            "shares": [self._shares(begin, bucket, until) for begin, bucket in listed.items()],
        }

    def _shares(self, begin: int, bucket: _Bucket, until: int) -> dict[str, float]:
        time_ms = max(1, min(begin + self._width_ms, until) - max(begin, self._window.since))
        longest = sorted(bucket.held_ms.items(), key=lambda one: -one[1])
        shares = {name: ms / time_ms for name, ms in longest[:MAX_STATES]}
        if others := sum(ms for _, ms in longest[MAX_STATES:]):
            shares[OTHERS] = others / time_ms
        return shares
