"""What an observation says of a condition: since when it holds, that it does not, or nothing."""

from collections.abc import Callable

from msgspec import UNSET, structs

from bridge.observations import Scalar
from devices.rules.alerts.observations import Happened, Holds, Observation, PresenceBecame, Resumed, State, Values
from devices.rules.alerts.rule import Condition

Judged = tuple[Holds, State]


def _of_values(condition: Condition, state: State, seen: Values) -> Judged:
    kind = condition.kind
    if kind in ("presence", "event"):
        return None, state
    if kind == "no_data":
        return _of_data(condition, state, seen)
    news = {
        name: (seen.metrics[name], seen.at)
        for name in condition.metrics
        if name in seen.metrics and seen.at >= state.latest.get(name, (None, 0))[1]
    }
    if not news:
        return None, state
    former, state = state.latest, structs.replace(state, latest={**state.latest, **news})
    if kind == "expression":
        holds = condition.parsed.holds({name: value for name, (value, _) in state.latest.items()})
    else:
        holds = _of_number(condition, news[str(condition.metric)], former.get(str(condition.metric)))
    return (None if holds is None else holds and seen.at), state


def _of_number(condition: Condition, now: tuple[Scalar, int], before: tuple[Scalar, int] | None) -> bool | None:
    value = now[0]
    if isinstance(value, bool | str) or value is None:
        return None
    if condition.above is not UNSET:
        return _beyond(value, condition.above, condition.clear_below)
    if condition.below is not UNSET:
        clear_above = condition.clear_above
        return _beyond(-value, -condition.below, -clear_above if clear_above is not UNSET else UNSET)
    if before is None or isinstance(before[0], bool | str) or before[0] is None or now[1] <= before[1]:
        return None
    return (value - before[0]) * 1000 > float(condition.rate_above or 0) * (now[1] - before[1])


def _beyond(value: float, limit: float, clear: object) -> bool | None:
    """Over the limit; None: between the two."""
    if value > limit:
        return True
    return False if not isinstance(clear, float) or value < clear else None


def crossing(condition: Condition, *, holds: bool) -> Callable[[float], bool]:
    """Of a threshold: tells whether a number says another thing than ``holds``. The quick way."""
    if isinstance(condition.above, float):
        limit = condition.above
        if not holds:
            return lambda value: value > limit
        clear = condition.clear_below
        return (lambda value: value < clear) if isinstance(clear, float) else (lambda value: value <= limit)
    limit = float(condition.below or 0)
    if not holds:
        return lambda value: value < limit
    over = condition.clear_above
    return (lambda value: value > over) if isinstance(over, float) else (lambda value: value >= limit)


def _of_data(condition: Condition, state: State, seen: Values) -> Judged:
    metric = condition.metric
    if seen.at < state.heard or (isinstance(metric, str) and seen.metrics.get(metric) is None):
        return None, state
    return False, structs.replace(state, heard=seen.at, dark=None)


def _of_presence(condition: Condition, state: State, seen: PresenceBecame) -> Judged:
    kind = condition.kind
    if kind == "no_data":
        if seen.link_down:
            return None, structs.replace(state, dark=state.dark or seen.at)
        return (None, state) if state.dark is None else _of_resumed(condition, state, Resumed(seen.at))
    if kind != "presence":
        known = seen.status == "online"
        dark = None if known else state.dark or seen.at
        return None, (state if state.dark == dark else structs.replace(state, dark=dark))
    if seen.status == "unknown":
        return None, structs.replace(state, dark=state.dark or seen.at)
    since = max(seen.since, state.dark or 0)
    state = structs.replace(state, status=seen.status, dark=None)
    return (since if seen.status in condition.statuses else False), state


def _of_event(condition: Condition, state: State, seen: Happened) -> Judged:
    if condition.kind != "event":
        return None, state
    if seen.name == condition.event:
        return seen.at, state
    return (False if seen.name == condition.clear_event else None), state


def _of_resumed(condition: Condition, state: State, seen: Resumed) -> Judged:
    """Nothing was heard while nothing could be."""
    if condition.kind != "no_data":
        return None, state
    return None, structs.replace(state, resumed=max(state.resumed, seen.at), dark=None)


def observe(condition: Condition, state: State, seen: Observation) -> Judged:
    """What it says, and what is remembered of it. Time that has passed says nothing."""
    match seen:
        case Values():
            return _of_values(condition, state, seen)
        case PresenceBecame():
            return _of_presence(condition, state, seen)
        case Happened():
            return _of_event(condition, state, seen)
        case Resumed():
            return _of_resumed(condition, state, seen)
    return None, state
