"""Which watches time has something to do with, as far as all is known that came before that time."""

from collections.abc import Iterator, Sequence
from typing import Final

from devices.rules.alerts.observations import Observation, Passed, Resumed
from devices.rules.presence import Link
from devices.worker.alerts.watches import ShardWatches, Watch, watches_of
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import LinkWatch
from runtime.database_clock import clock

_MOST: Final = 2_000  # a shard and round
_CATCH_UP_MS: Final = 10_000  # QoS 0 waits in the gateway while we don't listen: then it takes so long to reach us
_LAGGING_MS: Final = 5_000  # until the next look while it is not known what came
_SOON_MS: Final = 500  # until the next look where little is missing

Ripe = tuple[int, Watch, Observation]  # a shard's number


class Ripening:
    """Finds them. While our own link is down, or we don't hear, none is ripe: nothing is known then.

    Args:
        links: the gateways', as last read.
    """

    def __init__(self, links: LinkWatch) -> None:
        self._links = links
        self._found: list[Ripe] = []

    def find(self, shards: Sequence[Shard], listening_since_ms: int | None, now_ms: int) -> bool:
        """Whether there are any."""
        self._found = []
        for shard in shards:
            watches = watches_of(shard)
            if watches is not None and watches.timers:
                since_ms = listening_since_ms if clock.is_steady else None
                hears = since_ms is not None and now_ms - max(since_ms, shard.owned_since_ms) >= _CATCH_UP_MS
                self._found += self._of(shard, watches, now_ms, hears=hears)
        return bool(self._found)

    def take(self) -> list[Ripe]:
        """Those that were found."""
        found, self._found = self._found, []
        return found

    def next_ms(self, shards: Sequence[Shard]) -> int | None:
        """When to look again."""
        times = [watches.timers.first_ms() for shard in shards if (watches := watches_of(shard))]
        return min((at for at in times if at is not None), default=None)

    def _of(self, shard: Shard, watches: ShardWatches, now_ms: int, *, hears: bool) -> Iterator[Ripe]:
        timers = watches.timers
        for _ in range(_MOST):
            place = timers.pop(now_ms)
            if place is None:
                return
            watch, member = watches.find(place), shard.members.get(place[1])
            if watch is None or member is None:
                continue
            link = self._links.latest.of(member)
            if not (hears and link.is_drained):
                timers.set(place, now_ms + _LAGGING_MS)
                continue
            known_ms = min(now_ms, link.drained_ms)
            at = _due(watches, watch, link)
            if at is None:
                continue
            if at > known_ms:
                timers.set(place, max(at, now_ms + _SOON_MS))
            else:
                yield shard.number, watch, Passed(known_ms)


def _due(watches: ShardWatches, watch: Watch, link: Link) -> int | None:
    """When its time comes. While the link was down, nothing would have been heard."""
    if watch.known.timed.rule.condition.kind == "no_data" and link.since_ms > watch.state.resumed:
        watches.see(watch, Resumed(link.since_ms))
    return watch.due_ms
