"""How often somebody may do something: some at once, then one each so many seconds. Pure; bounded in memory."""

from collections import OrderedDict
from collections.abc import Hashable


class Throttle:
    """A token bucket for each of those who were seen last, and one for all of them together.

    Args:
        burst: so many at once.
        every_s: one more after so long.
        all_burst: so many at once of all.
        remembered: of so many the buckets are kept; who is forgotten begins anew, within what all may.
    """

    def __init__(self, burst: int, every_s: float, all_burst: int, remembered: int = 1_000) -> None:
        self._burst, self._every_s, self._all_burst, self._remembered = burst, every_s, all_burst, remembered
        self._spent: OrderedDict[Hashable, float] = OrderedDict()  # when each one's bucket is full again, s
        self._all_spent = float("-inf")

    def take(self, who: Hashable, now: float) -> bool:
        """Whether one more may be done at ``now`` (s, monotonic)."""
        all_every_s = self._every_s * self._burst / self._all_burst
        own, of_all = max(now, self._spent.pop(who, now)), max(now, self._all_spent)
        own_after, all_after = own + self._every_s, of_all + all_every_s
        free = own_after - now <= self._burst * self._every_s and all_after - now <= self._all_burst * all_every_s
        self._spent[who] = own_after if free else own
        if free:
            self._all_spent = all_after
        while len(self._spent) > self._remembered:
            self._spent.popitem(last=False)
        return free
