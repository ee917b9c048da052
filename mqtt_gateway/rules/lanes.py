"""Large deliveries that wait for a shard, each device's in a lane of its own; what goes when QoS 0 is too much. Pure.

A device that sends a large one gets a lane for that and for what follows, until the lane is empty; it opens when what
the device has in the shard's queue is gone. A batch takes from the queue first, then in turn from the lanes, and little
of that: whoever reads the batch is done with it soon.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from bridge.messages import Delivery

BATCH_LIMIT: Final = 1_000  # deliveries
LANES_BYTES: Final = 192 * 1024  # of a batch that may come from the lanes; a bigger delivery is its only one from there
QOS0_LIMIT: Final = 4_000  # deliveries a shard
QOS0_BYTES: Final = 20 * 1024 * 1024  # the half of it has room for the largest payload
NO_TICKET: Final = -1
KEEP: Final = -2  # QoS 0 likewise, and no newer one of its topic takes its place

Entry = tuple[Delivery, int, int]  # with its ticket, NO_TICKET or KEEP for QoS 0; and its bytes
Waiting = deque[Entry]


class Lanes:
    """By source, the next one first. None of them is empty."""

    def __init__(self) -> None:
        self._lanes: dict[str, Waiting] = {}
        self._opens: dict[str, int] = {}  # when so many have left the queue

    def __contains__(self, source: str) -> bool:
        return source in self._lanes

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._lanes.values())

    def put(self, entry: Entry, opens: int) -> None:
        """Queue one; a new lane opens when ``opens`` have left the queue."""
        source = entry[0].source
        lane = self._lanes.get(source)
        if lane is None:
            lane = self._lanes[source] = deque()
            self._opens[source] = opens
        lane.append(entry)

    def take(self, left: int, most: int) -> list[Entry]:
        """What a batch may hold of those that are open, one of each in turn.

        Args:
            left: how many have left the queue.
            most: how many there is room for.
        """
        entries: list[Entry] = []
        room = LANES_BYTES
        while len(entries) < most:
            source = next((one for one in self._lanes if self._opens[one] <= left), None)
            if source is None or (entries and self._lanes[source][0][2] > room):
                break
            lane = self._lanes.pop(source)
            entries.append(lane.popleft())
            room -= entries[-1][2]
            if lane:
                self._lanes[source] = lane  # it is the others' turn
            else:
                del self._opens[source]
        return entries

    def keep(self, kept: Iterable[Waiting], opens: int) -> None:
        """Keep only these, in the order of the lanes, all of which open anew."""
        both = zip(list(self._lanes), kept, strict=True)
        self._lanes = {source: lane for source, lane in both if lane}
        self._opens = dict.fromkeys(self._lanes, opens)


def newest_qos0(queue: Waiting, lanes: Iterable[Waiting]) -> list[Waiting]:
    """The queue and the lanes with the newest QoS 0 delivery of each topic, and all that are to be kept.

    Of those the newest half of the limits.
    """
    lanes = list(lanes)
    newer = {delivery.topic for lane in lanes for delivery, ticket, _ in lane if ticket == NO_TICKET}
    room = _Room()
    return [room.newest(queue, newer), *(room.newest(lane, set()) for lane in lanes)]


class _Room:
    """For so much QoS 0 there is room when too much waits."""

    def __init__(self) -> None:
        self._count, self._bytes = QOS0_LIMIT // 2, QOS0_BYTES // 2

    def newest(self, waiting: Waiting, topics: set[str]) -> Waiting:
        """What is kept; ``topics``: those of which there are newer ones."""
        kept: Waiting = deque()
        for entry in reversed(waiting):
            if entry[1] >= 0 or self._takes(entry, topics):
                kept.appendleft(entry)
        return kept

    def _takes(self, entry: Entry, topics: set[str]) -> bool:
        delivery, ticket, size = entry
        if self._count <= 0 or size > self._bytes:
            return False
        if ticket != KEEP:
            if delivery.topic in topics:
                return False
            topics.add(delivery.topic)
        self._count, self._bytes = self._count - 1, self._bytes - size
        return True
