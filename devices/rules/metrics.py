"""Metrics that leave a twin: because somebody asks for it, or because a new one needs their place.

A twin remembers the rev at which a name was last removed. Streams are cut there (devices.rules.stream), so a reading
that brings the metric again holds whatever its time is; and what is retained never brings it back.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from bridge.observations import RawReading
from devices.rules.twin import TwinState

MAX_REMOVED_CHARS: Final = 8_192  # of the names that are remembered; beyond, the oldest are forgotten


def remove(twin: TwinState, names: Collection[str]) -> None:
    """Remove metrics that the twin has; one change, which takes a rev."""
    twin.rev += 1
    twin.record("metrics", dict.fromkeys(names), as_json(twin, names))
    for name in names:
        del twin.metrics[name]
        twin.removed.pop(name, None)
        twin.removed[name] = twin.rev
    chars = sum(map(len, twin.removed))
    while chars > MAX_REMOVED_CHARS and (name := next(iter(twin.removed))) not in names:
        chars -= len(name)
        twin.removed_floor = twin.removed.pop(name)


def as_json(twin: TwinState, names: Iterable[str]) -> dict[str, Any]:
    """Metrics as clients see them; null for those that the twin has not."""
    known = ((name, twin.metrics.get(name)) for name in names)
    return {name: {"value": one.value, "ts": one.ts} if one else None for name, one in known}


def make_room(twin: TwinState, readings: Iterable[RawReading], over: int, received_ms: int, keep_ms: int) -> None:
    """Let metrics give way that were silent for longer than history is kept; as few as are needed.

    Silent by the device's own time, for its clock may be years behind: before the latest of its times, these readings'
    included.

    Args:
        twin: the device's.
        readings: those that bring new metrics.
        over: how many too many there would be.
        received_ms: Unix ms; when they came.
        keep_ms: how long history is kept.
    """
    named: set[str] = set()
    latest_ms = 0
    for reading in readings:
        named.update(reading.metrics)
        latest_ms = max(latest_ms, received_ms if reading.ts_ms is None else reading.ts_ms)
    latest_ms = max([latest_ms, *(metric.ts for metric in twin.metrics.values())])
    cutoff_ms = min(latest_ms, received_ms) - keep_ms
    silent = [name for name, metric in twin.metrics.items() if metric.ts < cutoff_ms and name not in named]
    if silent:
        silent.sort(key=lambda name: twin.metrics[name].ts)
        remove(twin, silent[:over])
