"""What becomes of a rule's condition at one device: alerts raised, counted, cleared. The one place where that happens.

::

                      holds                  has held for for_s
    nothing  ───────────────────> pending ───────────────────────> firing
       ^  <───────────────────────                                 |    ^
       |      holds no longer                     holds no longer  |    |  holds again: no new alert; one that
       |                                                           v    |  flaps counts it
       └────────────────────────────────────────────────────────  over
               has not held for keep_firing_s; of one that flaps, and none has come for within_s

Times are the observations' own. What is older than what was judged changes nothing. While nothing is known of the
device (``dark``), time does nothing: no alert rises or clears by it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import UNSET, Struct, structs

from bridge.observations import Scalar
from devices.rules.alerts.conditions import observe
from devices.rules.alerts.observations import Kept, Observation, Passed, State
from devices.rules.alerts.rule import Condition, TimedRule

# What becomes of it ----------------------------------------------------------------------------------------------


class Raised(Struct, frozen=True):
    """A new alert."""

    at: int  # Unix ms, since when it is so, for_s included
    value: Scalar


class Counted(Struct, frozen=True):
    """One more raise of an alert that flaps."""

    at: int
    value: Scalar
    count: int


class Cleared(Struct, frozen=True):
    """The alert is over."""

    at: int


Step = Raised | Counted | Cleared
Steps = tuple[Step, ...]
NOTHING: Final[Steps] = ()


def due(timed: TimedRule, state: State) -> int | None:
    """When time alone will do something (Unix ms); None: never."""
    rule, kept = timed.rule, state.kept
    if kept.raised is None:
        since = kept.since
        if since is None and state.heard and rule.condition.kind == "no_data":
            since = max(state.heard, state.resumed) + 1000 * int(rule.condition.no_data_s or 0)
        if since is None:
            return None
        at = since + 1000 * rule.for_s
        return timed.calendar.first_on(at) if timed.calendar else at
    if kept.over is None:
        return None
    at = kept.over + rule.keep_firing_ms
    return max(at, kept.recent[-1] + 1000 * rule.flap.within_s) if kept.flaps and rule.flap else at


def step(timed: TimedRule, state: State, seen: Observation) -> tuple[State, Steps]:
    """What an observation makes of it.

    Args:
        timed: the rule.
        state: from before.
        seen: each device's in the order in which they came.

    Returns:
        The state from now on (the same one if nothing has changed), and what became of alerts, in order.
    """
    was_dark, before = state.dark is not None, NOTHING
    if isinstance(seen, Passed) or timed.rule.condition.kind != "no_data":  # silence is only known by waiting
        upto = seen.at if state.dark is None else min(seen.at, state.dark)
        state, before = _pass(timed, state, upto, 0)
    if isinstance(seen, Passed):
        return state, before
    holds, state = observe(timed.rule.condition, state, seen)
    state, counted = _judged(timed, state, holds, seen)
    if state.dark is not None and holds is None:
        return state, (*before, *counted)
    state, after = _pass(timed, state, seen.at, seen.at if was_dark else 0)
    return state, (*before, *counted, *after)


def replay(timed: TimedRule, state: State, seen: Iterable[Observation]) -> Iterator[Step]:
    """What would have become of it, had all that was observed come in time: for what is stored.

    Args:
        timed: the rule.
        state: from before.
        seen: one device's, by time; the last one a :class:`Passed`.
    """
    for one in seen:
        if timed.rule.condition.kind == "no_data":
            state, steps = step(timed, state, Passed(one.at))
            yield from steps
        state, steps = step(timed, state, one)
        yield from steps


def _pass(timed: TimedRule, state: State, upto: int, floor: int) -> tuple[State, Steps]:
    """Let time do what it does; nothing is dated before ``floor``."""
    steps = NOTHING
    while (at := due(timed, state)) is not None and at <= upto:
        one = _raise(timed, state, max(at, floor)) if state.kept.raised is None else _clear(state, max(at, floor))
        state, steps = one[0], (*steps, one[1])
    return state, steps


def _raise(timed: TimedRule, state: State, at: int) -> tuple[State, Step]:
    flap = timed.rule.flap
    recent = tuple(one for one in state.kept.recent if flap and at - one < 1000 * flap.within_s)
    flaps = flap is not None and len(recent) >= flap.count
    over = at if timed.rule.condition.clear_event is UNSET and timed.rule.condition.kind == "event" else None
    kept = Kept(None, at, over, 1, flaps, _recent(timed, recent, at))
    return structs.replace(state, kept=kept), Raised(at, _value(timed.rule.condition, state))


def _clear(state: State, at: int) -> tuple[State, Step]:
    return structs.replace(state, kept=Kept(recent=state.kept.recent)), Cleared(max(at, state.kept.raised or 0))


def _recent(timed: TimedRule, recent: tuple[int, ...], at: int) -> tuple[int, ...]:
    flap = timed.rule.flap
    return (*recent, at)[-flap.count :] if flap else ()


def _judged(timed: TimedRule, state: State, holds: int | bool | None, seen: Observation) -> tuple[State, Steps]:
    """The condition holds (since when, as an integer), does not (False), or nothing is said about it (None)."""
    kept = state.kept
    if holds is None:
        return state, NOTHING
    if holds is not False and kept.over is not None:
        return _holds_again(timed, state, max(holds, kept.raised or 0))
    if kept.raised is None:
        since = None if holds is False else holds if kept.since is None else kept.since
        now = structs.replace(kept, since=since)
    elif holds is False and kept.over is None:
        now = structs.replace(kept, over=max(seen.at, kept.raised))
    else:
        return state, NOTHING
    return (state if now == kept else structs.replace(state, kept=now)), NOTHING


def _holds_again(timed: TimedRule, state: State, at: int) -> tuple[State, Steps]:
    kept, condition = state.kept, timed.rule.condition
    over = at if condition.kind == "event" and condition.clear_event is UNSET else None
    if not kept.flaps:
        return structs.replace(state, kept=structs.replace(kept, over=over)), NOTHING
    count, recent = kept.count + 1, _recent(timed, kept.recent, at)
    again = structs.replace(kept, over=over, count=count, recent=recent)
    return structs.replace(state, kept=again), (Counted(at, _value(condition, state), count),)


def _value(condition: Condition, state: State) -> Scalar:
    if condition.kind == "presence":
        return state.status
    metric = condition.metric
    return state.latest[metric][0] if isinstance(metric, str) and metric in state.latest else None
