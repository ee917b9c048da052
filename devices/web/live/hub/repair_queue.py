"""What the database is to be asked about: rooms whose feeds have questions, and shards whose broadcasts may be lost."""

import asyncio
from collections.abc import Set as AbstractSet

from devices.web.live.hub.commit_gaps import CommitTracker
from devices.web.live.hub.rooms import Room


class RepairQueue:
    """Filled by whoever notices a gap, emptied by repair.GapRepair. Bounded by the rooms and shards that there are.

    Args:
        shards: how many there are.
        tracker: of their commits.
    """

    def __init__(self, shards: int, tracker: CommitTracker) -> None:
        self.rooms: dict[Room, None] = {}  # in the order in which they are asked about
        self.doubted: set[int] = set()
        self.work = asyncio.Event()
        self._shards = shards
        self._tracker = tracker

    def add(self, room: Room) -> None:
        """The room's feed has questions."""
        self.rooms[room] = None
        self.work.set()

    def doubt(self, shards: AbstractSet[int]) -> None:
        """Broadcasts of these shards may be lost. Safe to repeat."""
        if shards:
            self.doubted |= shards
            self.work.set()

    def doubt_all(self) -> None:
        """Broadcasts of any shard may be lost, nobody knows how many."""
        shards = set(range(self._shards))
        self._tracker.doubt(shards)
        self.doubt(shards)
