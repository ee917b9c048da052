"""Which shards are followed, as the leases' look has last seen it: a hint for the thread of the rounds."""

from collections.abc import Mapping
from typing import Final, Literal

State = Literal["nobody", "begins", "logged"]  # follows it; begins: its worker does not write the log yet
BY_NUMBER: Final[tuple[State, ...]] = ("nobody", "begins", "logged")


class Followed:
    """Set by the event loop, read in the database thread: which asks the database itself where that is news to it."""

    def __init__(self) -> None:
        self.seen: Mapping[int, State] = {}  # by shard, those that anybody follows; another one at each change

    def see(self, found: Mapping[int, State]) -> bool:
        """Take over what a look has found; whether anything has changed."""
        if found == self.seen:
            return False
        self.seen = found
        return True
