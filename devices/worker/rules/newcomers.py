"""How many unknown devices may become devices by publishing: a quota a site and second, and one for all. Pure."""

from typing import Final

from msgspec import Struct

BURST_S: Final = 20  # so many seconds' worth at once, after a quiet time
ALL_SITES: Final = 4  # so many sites' worth together: sites can be made up, too
_MOST_SITES: Final = 10_000  # that are remembered; beyond, the first is forgotten


class _Bucket(Struct):
    left: float
    at_ms: int


class NewcomerQuota:
    """Of one worker.

    Args:
        rate: new devices a site and second.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sites: dict[str, _Bucket] = {}
        self._all = _Bucket(ALL_SITES * rate * BURST_S, 0)

    def admits(self, site: str, now_ms: int) -> bool:
        """Whether one more of this site may become a device now; if so, it counts."""
        _refill(self._all, ALL_SITES * self._rate, now_ms)
        if self._all.left < 1:
            return False
        its = self._sites.get(site)
        if its is None:
            if len(self._sites) >= _MOST_SITES:
                del self._sites[next(iter(self._sites))]
            its = self._sites[site] = _Bucket(self._rate * BURST_S, now_ms)
        _refill(its, self._rate, now_ms)
        if its.left < 1:
            return False
        its.left -= 1
        self._all.left -= 1
        return True


def _refill(bucket: _Bucket, rate: int, now_ms: int) -> None:
    passed_s = max(0, now_ms - bucket.at_ms) / 1000
    bucket.left = min(rate * BURST_S, bucket.left + passed_s * rate)
    bucket.at_ms = now_ms
