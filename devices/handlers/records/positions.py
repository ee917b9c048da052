"""How far somebody has read a shard: one number, which a database keeps as a big integer. Pure.

::

    0, 1, 2, …     a commit's number: all items up to and with it are read
    -1             waits for the log of readings: it begins with the next commit after that
    HISTORY + n    is still in the history of readings: those up to the row of primary key n are read
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from devices.handlers.items import Item

WAITING: Final = -1
HISTORY: Final = -(2**62)


class Batch(Struct, frozen=True):
    """Items in order, and the position after them, which may be further on though there are none."""

    items: Sequence[Item]
    upto: int


class TooFarError(Exception):
    """What comes after the position is gone: it was not read in time. ``oldest``: the position from where all is there.

    Whoever goes on from there leaves out what is between; nobody does that for them.
    """

    def __init__(self, shard: int, after: int, oldest: int) -> None:
        super().__init__(f"shard {shard}: what came after {after} is kept from {oldest} on only")
        self.shard, self.after, self.oldest = shard, after, oldest


def in_history(position: int) -> bool:
    """Whether it is one in the history of readings."""
    return position < WAITING
