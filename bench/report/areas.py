"""Which area of the work a sampled stack belongs to: a table of module prefixes, and the shares by it. Pure.

A stack is py-spy's raw line, outermost frame first: ``thread (1708): MainThread;main (manage.py);… 12``. It belongs to
the area of its innermost frame that the table knows; the standard library's and Django's helpers thus count for whoever
called them. Frames above the event loop's (or a thread's) own are how the process was started, and say nothing.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

EVENT_LOOP: Final = "event loop"
OTHER: Final = "other"

_MODULES: Final[Mapping[str, str]] = {
    "MQTT": "paho/ aiomqtt/ mqtt_gateway/client/ mqtt_gateway/connection/ mqtt_gateway/rules/packet_reader.py",
    "naming and batching": """
        mqtt_gateway/ bridge/dialects/native/topics.py bridge/topic_filters.py bridge/shards.py bridge/link.py
    """,
    "channel layer, Redis client": """
        channels_redis/ channels/layers.py redis/ bridge/wire.py runtime/channel_layers/ mqtt_gateway/layer.py
        devices/worker/process/sender.py devices/web/live/hub/broadcasts.py
    """,
    "rounds, redeliveries": "devices/worker/ bridge/redelivery.py",
    "decoding": "bridge/dialects/native/payloads.py",
    "reducing": "devices/rules/ devices/worker/effects/operations.py devices/worker/effects/work.py",
    "database": """
        django/db/ psycopg/ psycopg_pool/ sqlite3/ devices/models/ runtime/database.py
        devices/worker/effects/storage.py mqtt_gateway/process/storage.py
    """,
    "broadcasting": "devices/worker/effects/broadcast.py",
    "hub": "devices/web/live/",
    "frame encoding": """
        devices/web/live/socket/client_frames.py devices/web/live/stream/rendering.py
        devices/web/live/stream/conflation.py
    """,
    "ASGI, Daphne, Twisted": "daphne/ autobahn/ twisted/ zope/ channels/ asgiref/ runtime/http/daphne_frames.py",
    "pages, API": "devices/web/ django/core/handlers/ django/http/ django/middleware/ ninja/",
    EVENT_LOOP: "asyncio/ uvloop/ selectors.py concurrent/ threading.py queue.py contextlib.py",
}
PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {area: tuple(text.split()) for area, text in _MODULES.items()}
"""Areas in the order in which a message meets them. The longest prefix that fits decides."""

AREAS: Final = (*PREFIXES, OTHER)

_BY_LENGTH: Final = sorted(
    ((prefix, area) for area, prefixes in PREFIXES.items() for prefix in prefixes), key=lambda one: -len(one[0])
)
_LOOPS: Final[Mapping[str, tuple[str, ...]]] = {
    "asyncio/runners.py": ("Runner.run", "run"),
    "asyncio/base_events.py": ("BaseEventLoop.run_forever", "BaseEventLoop._run_once"),
    "asyncio/events.py": ("Handle._run",),
    "twisted/internet/asyncioreactor.py": ("AsyncioSelectorReactor.run",),
    "uvloop/__init__.py": ("run", "run.<locals>.wrapper"),
    "threading.py": ("Thread._bootstrap", "Thread._bootstrap_inner", "Thread.run"),
    "concurrent/futures/thread.py": ("_worker", "_WorkItem.run"),
}
"""What calls everything that is to be told apart: file → its functions."""

_SLEEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "selectors.py": ("EpollSelector.select",),
    "psycopg/connection.py": ("Connection.wait",),
    "threading.py": ("Condition.wait",),
}
"""Where a thread sleeps until it is woken, next to uvloop's own sleep and a thread's at its queue."""

_Frame = tuple[str, str]  # function, file
_Stack = tuple[int, Sequence[_Frame], int]  # thread, frames, samples


def sampled(raw: str, ran_s: Mapping[int, float], rate_hz: float) -> Mapping[str, float]:
    """CPU seconds of one process by area.

    Args:
        raw: py-spy's raw output with threads and without line numbers, idle threads left out.
        ran_s: how long each thread, by number, has run meanwhile as the kernel counts it.
        rate_hz: samples a second.

    To py-spy a thread that waits for a core is running, and often one that sleeps, too. So each thread's samples stand
    for the time that the kernel says it ran; what was sampled beyond that is first taken off where threads sleep.
    """
    stacks = list(_stacks(raw))
    seconds: dict[str, float] = defaultdict(float)
    for thread, thread_s in ran_s.items():
        counts = _on_a_core([stack for stack in stacks if stack[0] == thread], thread_s * rate_hz)
        whole = sum(counts.values())
        for area, count in counts.items():
            seconds[area] += thread_s * count / whole
    return seconds


def _on_a_core(stacks: Iterable[_Stack], expected: float) -> dict[str, float]:
    """One thread's samples by area, less those that must have been taken in its sleep; {}: there are none."""
    counts: dict[str, float] = defaultdict(float)
    asleep: dict[str, float] = defaultdict(float)
    for _, frames, samples in stacks:
        area = _area(frames)
        counts[area] += samples
        if _sleeps(frames):
            asleep[area] += samples
    beyond = max(0.0, sum(counts.values()) - expected)
    sleeping = sum(asleep.values())
    for area, count in asleep.items():
        counts[area] -= count * min(1.0, beyond / sleeping)
    return {area: count for area, count in counts.items() if count > 0}


def _stacks(raw: str) -> Iterator[_Stack]:
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        yield int(re.findall(r"\d+", thread)[0]), [_frame(text) for text in frames], int(count)


def _frame(text: str) -> _Frame:
    function, _, file = text.rpartition(" (")
    return function, file.removesuffix(")")


def _area(frames: Sequence[_Frame]) -> str:
    below = _below_loops(frames)
    if not below:
        return EVENT_LOOP
    known = [area for _, file in reversed(below) if (area := _area_of_file(file))]
    return next((area for area in known if area != EVENT_LOOP), known[0] if known else OTHER)


def _below_loops(frames: Sequence[_Frame]) -> Sequence[_Frame]:
    loops = [index for index, (function, file) in enumerate(frames) if function in _LOOPS.get(file, ())]
    return frames[loops[-1] + 1 :] if loops else frames


def _sleeps(frames: Sequence[_Frame]) -> bool:
    below = _below_loops(frames)
    if not below or (len(below) == 1 and frames[0][0] == "Thread._bootstrap"):
        return True
    function, file = below[-1]
    return function in _SLEEPS.get(file, ())


def _area_of_file(file: str) -> str:
    return next((area for prefix, area in _BY_LENGTH if file.startswith(prefix)), "")
