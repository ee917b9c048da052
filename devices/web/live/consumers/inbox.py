"""What a consumer's stream has for it: frames in, one event at a time out. On one event loop.

What waits here is bounded by the stream's credit: a frame is acknowledged when its last event has been handled.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

Event = dict[str, Any]

CLOSED: Final = "device.closed"
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Inbox:
    """Frames of one stream, on their way to one consumer.

    Args:
        handled: called with a frame's number once all its events were handled.
        is_watched: whether a watch, by its target, is still wanted.
    """

    def __init__(self, handled: Callable[[int], None], is_watched: Callable[[str], bool]) -> None:
        self.wake = asyncio.Event()
        self._handled = handled
        self._is_watched = is_watched
        self._frames: deque[bytes] = deque()
        self._events: deque[Event] = deque()
        self._n = 0  # of the frame whose events are under way; 0: none is
        self._close_code: int | None = None

    def put(self, frames: Sequence[tuple[bytes, bool]]) -> None:
        """Take frames, none of them compressed; see devices.web.live.socket.frame_writer.Direct."""
        self._frames.extend(frame for frame, _ in frames)
        self.wake.set()

    def close(self, code: int) -> None:
        """Nothing comes any more, and what waits is nobody's: the consumer is told so."""
        self._frames.clear()
        self._events.clear()
        if self._close_code is None:
            self._close_code = code
            self._events.append({"type": CLOSED, "code": code})
        self.wake.set()

    def next(self) -> Event | None:
        """The next event for the consumer, which has handled the one before; None: there is none now."""
        while not self._events:
            if self._n:
                self._handled(self._n)
                self._n = 0
            if not self._frames or self._close_code is not None:
                self.wake.clear()
                return None
            frame = _decode(self._frames.popleft())
            self._n = frame["n"]
            if "sub" not in frame or self._is_watched(frame["sub"]):
                self._events.extend(events_of(frame))
        return self._events.popleft()


def events_of(frame: Event) -> Iterator[Event]:
    """What a consumer is told of a frame: an event a device, named as Channels' messages are. See docs/extending/."""
    kind, watch = frame["type"], frame.get("sub")
    match kind:
        case "snapshot":
            for one in frame["devices"]:
                yield {"type": "device.snapshot", "watch": watch, "reason": frame["reason"], **one}
        case "delta":
            for item in frame["items"]:
                yield {"type": "device.delta", "watch": watch, **item}
        case "event" | "gone":
            rest = {name: value for name, value in frame.items() if name not in ("n", "type", "sub")}
            yield {"type": f"device.{kind}", "watch": watch, **rest}
        case "command":
            yield {"type": "device.command", "command": frame["command"]}
        case "alert":
            yield {"type": "device.alert", "alert": frame["alert"]}
        case "people":
            yield {"type": "people.changed", **{name: frame[name] for name in frame if name not in ("n", "type")}}
        case "link":
            yield {"type": "device.link", **{name: frame[name] for name in frame if name not in ("n", "type")}}
