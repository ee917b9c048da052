"""Which area of the work a sampled stack belongs to: a table of module prefixes, and the shares by it. Pure.

A stack is py-spy's raw line, outermost frame first: ``MainThread;main (manage.py);… 12``. It belongs to
the area of its innermost frame that the table knows; the standard library's and Django's helpers thus count for whoever
called them. Frames above the event loop's (or a thread's) own are how the process was started, and say nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    "reducing": "devices/rules/ devices/worker/effects/operations.py devices/worker/round/shard_work.py",
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

_Frame = tuple[str, str]  # function, file


def sampled(raw: str) -> Counter[str]:
    """Samples of one process by area, from py-spy's raw output without line numbers."""
    counts: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[_area([_frame(text) for text in stack.split(";")])] += int(count)
    return counts


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


def _area_of_file(file: str) -> str:
    return next((area for prefix, area in _BY_LENGTH if file.startswith(prefix)), "")
