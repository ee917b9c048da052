"""Which area of the work a sampled stack belongs to: a table of module prefixes, and the shares by it. Pure.

A stack is py-spy's raw line, outermost frame first: ``thread (1708): MainThread;main (manage.py);… 12``. It belongs to
the area of its innermost frame that the table knows; the standard library's and Django's helpers thus count for whoever
called them. Frames above the event loop's (or a thread's) own are how the process was started, and say nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

EVENT_LOOP: Final = "event loop"
OTHER: Final = "other"

PREFIXES: Final[Mapping[str, str]] = {
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
        django/db/ psycopg/ psycopg_pool/ sqlite3/ devices/models/ runtime/database.py runtime/databases/
        devices/worker/effects/storage.py devices/worker/memory/one_statement.py mqtt_gateway/process/storage.py
    """,
    "broadcasting": "devices/rules/stream.py",
    "hub": "devices/web/live/",
    "frame encoding": """
        devices/web/live/socket/client_frames.py devices/web/live/stream/rendering.py
        devices/web/live/stream/conflation.py
    """,
    "ASGI, Daphne, Twisted": "daphne/ autobahn/ twisted/ zope/ channels/ asgiref/ runtime/http/daphne_frames.py",
    "pages, API": "devices/web/ django/core/handlers/ django/http/ django/middleware/ ninja/",
    EVENT_LOOP: "asyncio/ uvloop/ selectors.py concurrent/ threading.py queue.py contextlib.py",
}
"""Areas in the order in which a message meets them. The longest prefix that fits decides."""

_AREA_OF: Final = {prefix: area for area, prefixes in PREFIXES.items() for prefix in prefixes.split()}
_BY_LENGTH: Final = sorted(_AREA_OF, key=len, reverse=True)
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


def sampled(raw: str, ran_s: Mapping[int, float], rate_hz: float) -> Mapping[str, float]:
    """CPU seconds of one process by area.

    Args:
        raw: py-spy's raw output with threads and without line numbers, idle threads left out.
        ran_s: how long each thread, by number, has run meanwhile as the kernel counts it.
        rate_hz: samples a second.

    To py-spy a thread that waits for a core is running, and often one that sleeps, too. So each thread's samples stand
    for the time that the kernel says it ran; what was sampled beyond that is first taken off where threads sleep.
    """
    counts: dict[int, Counter[tuple[str, bool]]] = defaultdict(Counter)  # by thread: samples by area, asleep or not
    for thread, frames, samples in _stacks(raw):
        counts[thread][_area(frames), _sleeps(frames)] += samples
    seconds: dict[str, float] = defaultdict(float)
    for thread, thread_s in ran_s.items():
        whole, asleep = counts[thread].total(), sum(count for (_, sleeps), count in counts[thread].items() if sleeps)
        beyond = min(asleep, max(0.0, whole - thread_s * rate_hz))
        for (area, sleeps), count in counts[thread].items():
            if ran := count * (1 - beyond / asleep) if sleeps else count:
                seconds[area] += thread_s * ran / (whole - beyond)
    return seconds


def _stacks(raw: str) -> Iterator[tuple[int, Sequence[_Frame], int]]:
    """Thread, frames, number of samples."""
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        yield int(re.findall(r"\d+", thread)[0]), [one[:-1].rpartition(" (")[::2] for one in frames], int(count)


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
    return next((_AREA_OF[prefix] for prefix in _BY_LENGTH if file.startswith(prefix)), "")
