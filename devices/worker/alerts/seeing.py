"""What a watch sees: of a device as it is known, when it begins; then of what a transaction did to the device."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import json, structs

from bridge.observations import Scalar
from devices.rules.alerts.observations import Happened, Observation, PresenceBecame, State, Values
from devices.rules.reducer import NewReading
from devices.rules.twin import TwinChange, TwinState
from devices.worker.alerts.watches import Watch, Watched
from devices.worker.effects.operations import CHANGES, Effects

_metrics: Final[Callable[[bytes], Any]] = json.Decoder(dict[str, Scalar]).decode
_value: Final[Callable[[bytes], Any]] = json.Decoder().decode


def begin(watch: Watch, twin: TwinState) -> Observation | None:
    """Know of the device what can be told from its twin. What is to be judged of that: nothing is, while it is away."""
    condition, presence = watch.known.timed.rule.condition, twin.presence
    latest = {name: (one.value, one.ts) for name in condition.metrics if (one := twin.metrics.get(name))}
    state = State(watch.state.kept, latest)
    match condition.kind:
        case "event":
            watch.state = state
            return None
        case "no_data":
            known = latest or {name: (one.value, one.ts) for name, one in twin.metrics.items()}
            heard = max((ts for _, ts in known.values()), default=0)
            heard = max(heard, twin.last_seen_ms) if heard else 0  # its clock may be behind
            watch.state = structs.replace(state, heard=heard, dark=_away(twin, known=presence.why != "link_down"))
            return None
        case "presence":
            watch.state = structs.replace(state, dark=_away(twin, known=presence.status != "unknown"))
            known_now = presence.status != "unknown"
            return PresenceBecame(presence.since, presence.status, presence.since) if known_now else None
    watch.state = structs.replace(state, dark=_away(twin, known=presence.status == "online"))
    if watch.state.dark is not None or not latest:
        return None
    name = max(latest, key=lambda one: latest[one][1])
    value, ts = latest[name]
    return Values(ts, {name: value})


def _away(twin: TwinState, *, known: bool) -> int | None:
    return None if known else twin.presence.since


def seen_of_one(watched: Watched, effects: Effects) -> list[tuple[Watch, Observation]]:
    """The same of a single reading and nothing else, as most transactions have it: the twin tells what of it is news.

    What only says what the last one said is noted at once (Watch.skim), and is not among them.
    """
    reading, metrics = effects.readings[0], effects.member.twin.metrics
    ts, rev = reading.ts, reading.rev
    left: dict[int, Watch] = {}
    for name, watches in watched.metrics.items():
        one = metrics.get(name)
        if one is not None and one.rev == rev:
            value = one.value
            for watch in watches:
                if not watch.skim(ts, value):
                    left[watch.known.number] = watch
    found: list[tuple[Watch, Observation]] = []
    if left:
        values = Values(
            ts, {name: one.value for name in watched.metrics if (one := metrics.get(name)) and one.rev == rev}
        )
        found += [(watch, values) for watch in left.values()]
    for watch in watched.data:
        named = watch.known.timed.rule.condition.metrics
        ours = [metrics[name] for name in named if name in metrics] if named else metrics.values()
        came = any(one.rev == rev and not (named and one.value is None) for one in ours)
        if came and not watch.heard(reading.received_ms):
            found += _of_data(watched, effects, effects.readings)
            break
    return found


def seen(watched: Watched, effects: Effects, now_ms: int) -> Iterator[tuple[Watch, Observation]]:
    """What a device's watches see of a transaction, in the order in which it happened."""
    changes: list[tuple[TwinChange, str]] = effects.noted.get(CHANGES, [])
    if not changes:
        yield from _of_readings(watched, effects, effects.news)
        return
    readings, begin_at = effects.news, 0
    for change, _ in changes:
        if change.kind not in ("event", "presence") or change.rev is None:
            continue
        end_at = begin_at
        while end_at < len(readings) and readings[end_at].rev < change.rev:
            end_at += 1
        yield from _of_readings(watched, effects, readings[begin_at:end_at])
        begin_at = end_at
        yield from _of_change(watched, change, now_ms)
    yield from _of_readings(watched, effects, readings[begin_at:])


def _of_change(watched: Watched, change: TwinChange, now_ms: int) -> Iterator[tuple[Watch, Observation]]:
    patch = _value(change.patch)
    if change.kind == "event":
        happened = Happened(patch["ts"], patch["name"])
        yield from ((watch, happened) for watch in watched.events)
    else:
        became = PresenceBecame(now_ms, patch["status"], patch["since"], patch["why"] == "link_down")
        yield from ((watch, became) for watch in watched.presence)


def _of_readings(watched: Watched, effects: Effects, readings: list[NewReading]) -> Iterator[tuple[Watch, Observation]]:
    if not readings:
        return
    if watched.metrics:
        for reading in readings:
            yield from _of_values(watched, reading.ts, _metrics(reading.metrics))
    if watched.data:
        yield from _of_data(watched, effects, readings)


def _of_values(watched: Watched, ts: int, metrics: Mapping[str, Scalar]) -> Iterator[tuple[Watch, Observation]]:
    values = Values(ts, metrics)
    told: set[int] = set()
    for name, watches in watched.metrics.items():
        if name in metrics:
            for watch in watches:
                if watch.known.number not in told:
                    told.add(watch.known.number)
                    yield watch, values


def _of_data(watched: Watched, effects: Effects, readings: list[NewReading]) -> Iterator[tuple[Watch, Observation]]:
    """That anything came, as of when it was received; what is older than what is known is no sign of life."""
    metrics = effects.member.twin.metrics
    received = {reading.rev: reading.received_ms for reading in readings}
    for watch in watched.data:
        its = watch.known.timed.rule.condition.metrics
        ours = [metrics[name] for name in its if name in metrics] if its else metrics.values()
        newest = max(ours, key=lambda one: one.rev, default=None)
        if newest is not None and newest.rev in received:
            yield watch, Values(received[newest.rev], dict.fromkeys(its, newest.value))
