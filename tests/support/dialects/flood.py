"""Many wrong messages to a dialect, quickly: sorted, read, asked what is due; nothing is kept but states and counts."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from bridge.dialects.dialect import TOPIC, Dialect, Route, State
from bridge.messages import Delivery
from bridge.names import is_device_key
from tests.support.dialects import fuzz
from tests.support.dialects.rows import Row


class Flood:
    """What became of a flood.

    Args:
        dialect: that reads it.
        most_sources: so many states are kept; then all are thrown away, as another worker would not have them.
    """

    def __init__(self, dialect: Dialect, most_sources: int = 2_000) -> None:
        self.dialect, self._most = dialect, most_sources
        self.states: dict[str, State] = {}
        self.wanted: dict[str, str] = {}  # source by topic
        self.counts: Counter[str] = Counter()
        self.slowest_s_a_kib = 0.0
        self.largest_state_bytes = 0

    def send(self, row: Row) -> None:
        """One message.

        Raises:
            AssertionError: it says something of what isn't its source's.
        """
        began = time.process_time()
        route = self.dialect.route(row.topic)
        if row.topic in self.wanted:
            self._read(row, self.wanted[row.topic], TOPIC, row.topic)
        elif isinstance(route, Route):
            self._read(row, route.source, route.kind, route.detail)
        self.counts["sent"] += 1
        took_s = time.process_time() - began
        kib = max(4.0, (len(row.payload) + len(row.topic)) / 1024)  # a pause of the machine is no work of ours
        self.slowest_s_a_kib = max(self.slowest_s_a_kib, took_s / kib)
        if self.counts["sent"] % 500 == 0:
            self.weigh()

    def _read(self, row: Row, source: str, kind: str, detail: str) -> None:
        state = self.states.get(source) or self.dialect.joined(self.dialect.fresh(), "new", row.received_ms)
        delivery = Delivery(
            row.topic, source, kind, detail, row.payload, row.received_ms,
            qos=1, retain=row.retain, dup=False, packet_id=1, dialect=self.dialect.name,
        )  # fmt: skip
        reading = self.dialect.read(state, delivery)
        if reading.state is not None and reading.state.model is not state.model:
            self.wanted |= {one.topic_filter: source for one in self.dialect.wanted(reading.state)}
        state = reading.state or state
        due = self.dialect.due(state, row.received_ms)
        self.states[source] = due.state or state
        assert all(is_device_key(one.device) and one.device.partition("~")[0] == source for one in reading.said)
        self.counts["said" if reading.said else "rejected"] += 1
        self.counts["asked"] += len(due.publications)

    def weigh(self) -> None:
        """How large the largest state is."""
        for state in self.states.values():
            written = sum(len(msgspec.json.encode(part)) for part in (state.model, state.live))
            self.largest_state_bytes = max(self.largest_state_bytes, written)
        if len(self.states) > self._most:
            self.states.clear()
            self.wanted.clear()


def wrong_rows(rows: Sequence[Row], rng: random.Random, count: int) -> Iterator[Row]:
    """So many messages: right ones, and what becomes of them cut, flipped, swapped, huge, and on odd topics."""
    made = 0
    while made < count:
        row = rng.choice(rows)
        batch = [
            row,
            *fuzz.flipped(row, rng, 40),
            *fuzz.swapped(rows, rng, 20),
            *fuzz.odd_topics(row, rng, 20),
            *(cut for cut in fuzz.prefixes(row, step=max(1, len(row.payload) // 15))),
            *(fuzz.huge(row) if rng.random() < 0.05 else ()),
        ]
        yield from batch[: count - made]
        made += len(batch)
