"""Which devices of a shard to look at for their presence, and when: so that no look goes over all of them."""

from collections import deque

from devices.worker.rules.schedule import Schedule


class PresenceWatchlist:
    """What a shard's worker remembers about presences. All of it can be told from the twins again."""

    def __init__(self) -> None:
        self.silence: Schedule[str] = Schedule()  # when an online device may have been silent for too long
        self.dying: set[str] = set()  # an offline of theirs waits for its confirmation
        self.away: set[str] = set()  # unknown because our link is gone, and wait for it
        self.sweep: deque[str] = deque()  # to be looked at since the links have changed
        self.links: object = None  # what they looked like when the sweep began
        self.links_gone = False  # any of them

    @property
    def is_waiting(self) -> bool:
        """Whether it is worth looking at the links often."""
        return bool(self.dying or self.sweep)
