"""A rule tried on what is stored of a device: by the same function as live, leaving out what can change nothing.

Of a month's readings hardly any does. Whether one says that the condition holds, when it does already (or no longer,
when it does not), is told without a step: time does then what it would have done at the next one that is taken.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from bridge.observations import Scalar
from devices.rules.alerts.conditions import crossing, observe
from devices.rules.alerts.observations import Observation, Passed, State, Values
from devices.rules.alerts.rule import Condition, TimedRule
from devices.rules.alerts.steps import Cleared, Counted, Raised, Step, step

_FIELD: Final = "m{}"


class Raise(Struct):
    """An alert that there would have been. Unix ms."""

    raised: int
    cleared: int | None = None
    count: int = 1


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
        if self._condition.kind in ("presence", "event"):
            return
        if self._condition.kind in ("above", "below") and self._state.dark is None:
            self._of_threshold(rows)
            return
        for row in rows:
            self._of_values(row.ts, self._named(row.metrics))

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

    def _of_values(self, ts: int, metrics: Mapping[str, Scalar]) -> None:
        """Any other condition: what the reading says is found out, and taken only if it is news."""
        values = Values(ts, metrics)
        if self._waits:
            self._of_data(values)
            return
        holds, state = observe(self._condition, self._state, values)
        is_known = holds is None or (holds is not False) == self._holds
        if is_known and state.dark is None:  # else any that is heard tells that time goes on
            self._state = state
        else:
            self._step(values)

    def _of_data(self, values: Values) -> None:
        state = self._state
        is_quiet = state.kept.raised is None and state.kept.since is None and state.dark is None
        limit_ms = 1000 * int(self._condition.no_data_s or 0)
        if is_quiet and values.at - max(state.heard, state.resumed) < limit_ms:
            self._state = observe(self._condition, state, values)[1]
            return
        self._step(Passed(values.at))
        self._step(values)

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
