"""What WebSocket clients received, counted so cheaply that a thousand of them fit into one process.

Sockets that watch the same receive the same texts but for the frame's number, so each distinct text is decoded once.
What a socket received is kept as a count and a sum of numbers drawn for each item: whoever received the same items, in
whatever frames, has the same sum.

    Causeway   {"n":…,"type":"delta","sub":…,"items":[{"device":…,"readings":[{"metrics":{"n":…,"t":…}}, …]}, …]}
    plain      {"device":…,"payload":{"n":…,"t":…}}

``t``: µs of CLOCK_MONOTONIC when the message was made. An item: one message of one device.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

Dialect = Literal["causeway", "plain"]
BIN_US: Final = 500  # of the times at which texts are received
_SUM_MASK: Final = 2**62 - 1
_MOST_TEXTS: Final = 4_000  # remembered; beyond, the oldest are decoded anew


class _Message(Struct):
    """A device's payload."""

    n: int = -1
    t: int = 0


class _Reading(Struct):
    metrics: _Message


class _Item(Struct):
    device: str
    readings: list[_Reading]


class _Frame(Struct):
    """A frame without its number. Replies have neither items nor devices."""

    type: str
    items: list[_Item] = []
    more: bool = False


class _Plain(Struct):
    device: str = ""
    payload: _Message | None = None


class Text:
    """A distinct text: what is in it, and when how many clients received it."""

    __slots__ = ("count", "received", "sum", "times", "type", "whole")

    def __init__(self, kind: str, messages: Iterable[tuple[str, int, int]], *, whole: bool = True) -> None:
        items = [(hash((device, n)) & _SUM_MASK, t) for device, n, t in messages]
        self.type = kind
        self.whole = whole  # a snapshot's last page
        self.sum = sum(key for key, _ in items)
        self.count = len(items)
        self.times = items
        self.received: Counter[int] = Counter()  # by bin of the time


_frame = msgspec.json.Decoder(_Frame).decode
_plain = msgspec.json.Decoder(_Plain).decode


def _causeway_text(tail: bytes) -> Text:
    frame = _frame(b"{" + tail[1:])
    return Text(frame.type, _messages(frame.items), whole=not frame.more)


def _messages(items: Iterable[_Item]) -> Iterator[tuple[str, int, int]]:
    for item in items:
        for reading in item.readings:
            yield item.device, reading.metrics.n, reading.metrics.t


def _plain_text(tail: bytes) -> Text:
    message = _plain(tail)
    if message.payload is None:
        return Text("other", ())
    return Text("delta", [(message.device, message.payload.n, message.payload.t)])


class Tally:
    """Of all clients since the last :meth:`mark`.

    Args:
        dialect: what the frames look like.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._decode: Callable[[bytes], Text] = _causeway_text if dialect == "causeway" else _plain_text
        self._texts: dict[bytes, Text] = {}
        self._touched: dict[Text, None] = {}
        self._last_tail, self._last = b"", Text("", ())

    def take(self, tail: bytes, now_us: int) -> Text:
        """A client received a text (of Causeway's: from the comma after its number on)."""
        if tail != self._last_tail:  # mostly the next socket's turn to receive the same
            text = self._texts.get(tail) or self._learn(tail)
            self._touched[text] = None
            self._last_tail, self._last = tail, text
        self._last.received[now_us // BIN_US] += 1
        return self._last

    def _learn(self, tail: bytes) -> Text:
        if len(self._texts) >= _MOST_TEXTS:
            del self._texts[next(iter(self._texts))]
        text = self._texts[tail] = self._decode(tail)
        return text

    def mark(self, sockets: Iterable[tuple[int, int]]) -> dict[str, Any]:
        """What came since the last mark, and begin anew.

        Args:
            sockets: of each socket, the count and sum of its items since the last mark.
        """
        known, late = self._known(), self._latencies_ms()
        expected, total = len(known), sum(known)
        counts = [_differences(count, sums, expected, total) for count, sums in sockets]
        self._texts, self._touched = {}, {}
        self._last_tail, self._last = b"", Text("", ())
        return {
            "frames": sum(late.frames.values()),
            "items": sum(late.items.values()),
            "messages": expected,
            "lost": sum(lost for lost, _ in counts),
            "repeated": sum(repeated for _, repeated in counts),
            **{f"{name}_ms": _percentile(late.items, part) for name, part in _PERCENTILES.items()},
        }

    def _known(self) -> set[int]:
        """All messages that anybody received."""
        return {key for text in self._touched for key, _ in text.times}

    def _latencies_ms(self) -> "_Latencies":
        out = _Latencies()
        for text in self._touched:
            for at, count in text.received.items():
                out.frames[text.type] += count
                for _, t in text.times:
                    out.items[max(0, (at * BIN_US + BIN_US // 2 - t) // BIN_US)] += count
        return out


_PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}


class _Latencies:
    """Counts: of frames by type, of items by latency in bins."""

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.items: Counter[int] = Counter()


def _differences(count: int, sums: int, expected: int, total: int) -> tuple[int, int]:
    """How many items a socket lost, and how many it received more than once, as far as count and sum tell."""
    if count == expected:
        return (0, 0) if sums == total else (1, 1)
    return max(0, expected - count), max(0, count - expected)


def _percentile(bins: "Counter[int]", part: float) -> float:
    """In ms; 0 when there is nothing."""
    rest = part * sum(bins.values())
    for number in sorted(bins):
        rest -= bins[number]
        if rest <= 0:
            return number * BIN_US / 1000
    return 0.0
