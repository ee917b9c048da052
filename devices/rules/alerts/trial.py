"""A rule tried on what is stored of a device: by the same function as live, leaving out what can change nothing.

Of a month's readings hardly any does. Whether one says that the condition holds, when it does already (or no longer,
when it does not), is told without a step: time does then what it would have done at the next one that is taken.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from bridge.observations import Scalar
from devices.rules.alerts.conditions import crossing
from devices.rules.alerts.observations import Observation, Passed, State, Values
from devices.rules.alerts.rule import Condition, TimedRule
from devices.rules.alerts.steps import Cleared, Counted, Raised, Step, step

_FIELD: Final = "m{}"


class Raise(Struct):
    """An alert that there would have been. Unix ms."""

    raised: int
    cleared: int | None = None
    count: int = 1


def _is_number(value: object) -> bool:
    return type(value) is float or type(value) is int


Row = Any  # a Struct: a reading's ts, and of its metrics those that matter, in a Struct


def decoder(condition: Condition) -> Callable[[bytes], list[Row]]:
    """Reads ``[[ts, {metrics}], …]`` as rows; metrics that don't matter are skipped, not made."""
    names = {_FIELD.format(number): name for number, name in enumerate(sorted(condition.metrics))}
    fields = [(field, Scalar | UnsetType, UNSET) for field in names]
    metrics = msgspec.defstruct("Metrics", fields, rename=names, gc=False)
    row = msgspec.defstruct("Row", [("ts", int), ("metrics", metrics)], array_like=True, gc=False)
    found: Callable[[bytes], list[Row]] = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
    return found


class Trial:
    """One device's.

    Args:
        timed: the rule.
    """

    def __init__(self, timed: TimedRule) -> None:
        self._timed, self._condition = timed, timed.rule.condition
        self._names = sorted(self._condition.metrics)
        self._waits = self._condition.kind == "no_data"
        self._state = State()
        self.raises: list[Raise] = []

    def readings(self, rows: Iterable[Row]) -> None:
        """Take readings, by time."""
        kind, is_dark = self._condition.kind, self._state.dark is not None
        if is_dark and kind not in ("presence", "event"):  # any that is heard tells that time goes on
            for row in rows:
                self._take_row(row)
            return
        match kind:
            case "above" | "below":
                self._of_threshold(rows)
            case "rate":
                self._of_rate(rows)
            case "no_data":
                self._of_silence(rows)
            case "expression":
                self._of_expression(rows)

    def take(self, seen: Observation) -> None:
        """Take something else."""
        if self._waits:
            self._step(Passed(seen.at))
        self._step(seen)

    def _of_threshold(self, rows: Iterable[Row]) -> None:
        """The quick way: two comparisons a reading."""
        name, crosses = self._names[0], self._crossing()
        for row in rows:
            value = row.metrics.m0
            kind = type(value)
            if (kind is float or kind is int) and crosses(value):
                self._step(Values(row.ts, {name: value}))
                crosses = self._crossing()

    def _crossing(self) -> Callable[[float], bool]:
        """Tells whether a value says another thing than is the case."""
        return crossing(self._condition, holds=self._holds)

    @property
    def _holds(self) -> bool:
        kept = self._state.kept
        return kept.over is None and (kept.since is not None or kept.raised is not None)

    def _of_rate(self, rows: Iterable[Row]) -> None:
        name, limit, holds = self._names[0], float(self._condition.rate_above or 0), self._holds
        before, before_ts = self._state.latest.get(name, (None, 0))
        for row in rows:
            value, ts = row.metrics.m0, row.ts
            if value is UNSET:
                continue
            known = _is_number(value) and _is_number(before) and ts > before_ts
            if known and ((value - before) * 1000 > limit * (ts - before_ts)) != holds:
                self._state = structs.replace(self._state, latest={name: (before, before_ts)})
                self._step(Values(ts, {name: value}))
                holds = self._holds
            before, before_ts = value, ts
        self._state = structs.replace(self._state, latest={name: (before, before_ts)})

    def _of_silence(self, rows: Iterable[Row]) -> None:
        limit_ms, named = 1000 * int(self._condition.no_data_s or 0), bool(self._names)
        state, is_quiet = self._state, self._is_quiet
        heard = state.heard
        for row in rows:
            if named and (row.metrics.m0 is None or row.metrics.m0 is UNSET):
                continue
            ts = row.ts
            if is_quiet and (ts - heard < limit_ms or ts - state.resumed < limit_ms):
                heard = ts
                continue
            self._state = structs.replace(state, heard=heard)
            self._step(Passed(ts))
            self._take_row(row)
            state, is_quiet = self._state, self._is_quiet
            heard = state.heard
        self._state = structs.replace(state, heard=heard)

    @property
    def _is_quiet(self) -> bool:
        state = self._state
        return state.kept.raised is None and state.kept.since is None and state.dark is None

    def _of_expression(self, rows: Iterable[Row]) -> None:
        holds, node = self._holds, self._condition.parsed.node
        latest = dict(self._state.latest)
        values = {name: value for name, (value, _) in latest.items()}
        for row in rows:
            ts, news = row.ts, self._named(row.metrics)
            values.update(news)
            for name, value in news.items():
                latest[name] = (value, ts)
            found = node(values)
            if (found is True or found is False) and found != holds and news:
                self._state = structs.replace(self._state, latest=dict(latest))
                self._step(Values(ts, news))
                holds = self._holds
        self._state = structs.replace(self._state, latest=latest)

    def _take_row(self, row: Row) -> None:
        self._step(Values(row.ts, self._named(row.metrics)))

    def _named(self, metrics: Any) -> dict[str, Scalar]:
        values = structs.astuple(metrics)
        return {name: one for name, one in zip(self._names, values, strict=True) if one is not UNSET}

    def _step(self, seen: Observation) -> None:
        self._state, steps = step(self._timed, self._state, seen)
        for one in steps:
            self._note(one)

    def _note(self, one: Step) -> None:
        match one:
            case Raised():
                self.raises.append(Raise(one.at))
            case Counted():
                self.raises[-1].count = one.count
            case Cleared():
                self.raises[-1].cleared = one.at
