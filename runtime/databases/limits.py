"""How long a connection may be busy with one statement, and how long there was none to be had. Of this process."""

import time
from collections.abc import Callable
from typing import Final

PATIENT_S: Final = 20  # for another writer of SQLite: commands, and threads of our own that do nothing else
# Below Daphne's own limit for whoever has gone away, 10 s: nobody waits any longer for what takes longer.
_OF_REQUESTS: Final = {"lock_timeout": "3000", "statement_timeout": "8000"}

pooled_session: dict[str, str] = {}
"""PostgreSQL's parameters for each connection of the pool."""


def limit_requests() -> None:
    """This process serves requests: from now on none of its statements may take longer than somebody waits."""
    pooled_session.update(_OF_REQUESTS)


class Starvation:
    """Since when every connection of a pool has been out, whoever asked. Safe to use from any thread.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since_s: float | None = None
        self.has_room: Callable[[], bool] = lambda: True
        """Whether a connection is to be had by now."""

    def refused(self) -> None:
        """Somebody has waited in vain while all were out."""
        if self._since_s is None:
            self._since_s = self._clock()

    def granted(self) -> None:
        """Somebody got one."""
        self._since_s = None

    @property
    def lasts_s(self) -> float:
        """How long it has lasted; 0: there are connections."""
        if self._since_s is not None and self.has_room():
            self._since_s = None
        since_s = self._since_s
        return 0.0 if since_s is None else self._clock() - since_s


starvation: Final = Starvation()
