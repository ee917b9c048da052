"""Which rules watch a device from now on: when it is known, when rules change, when its tags or description do."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db.models import F
from msgspec import convert

from devices.models import Alert, AlertProgress
from devices.models.alerts import RESOLVED
from devices.requests.alert_rules import KnownRule
from devices.rules.alerts.observations import QUIET, Kept, State
from devices.rules.alerts.steps import Cleared, Steps
from devices.worker.alerts import seeing
from devices.worker.alerts.watches import NAME, Rules, ShardWatches, Watch, Watched, watches_of
from devices.worker.memory.shard import Member, Shard

_AT_ONCE: Final = 1_000  # devices of a shard and round: uplink must not wait for a whole fleet's

Found = tuple[
    int, Watch | None, Alert | None, Steps
]  # a shard's number; what came of a watch, or an alert that is over


class Beginnings:
    """Begins and ends watches.

    Args:
        of: how many shards there are.
    """

    def __init__(self, of: int) -> None:
        self.rules = Rules()
        self._of = of
        self._found: list[Found] = []  # to be stored and told by the next transaction

    @property
    def found(self) -> bool:
        """Whether that needs a transaction."""
        return bool(self._found)

    def take(self) -> list[Found]:
        """What there is to be stored and told."""
        found, self._found = self._found, []
        return found

    def forget(self) -> None:
        """The shards are thrown away."""
        self._found = []

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """A device is known from now on."""
        watches = self._read(shard)
        if self.rules.some:
            self._begin(shard, watches, member, now_ms)

    def loaded(self, shard: Shard) -> None:
        """All its devices are known: alerts that no rule has any more are over."""
        watches = self._read(shard)
        fires = {alert.id for watched in watches.devices.values() for alert in watched.alerts}
        gone = [alert for pk, alert in watches.alerts.items() if pk not in fires]
        self._found += [(shard.number, None, alert, ()) for alert in gone]
        watches.stored = {}

    def renew(self, shard: Shard) -> None:
        """The rules have changed."""
        if watches := watches_of(shard):
            watches.queue.clear()
            watches.queue.extend(shard.members if self.rules.some else watches.devices)

    def go_on(self, shards: Iterable[Shard], now_ms: int) -> None:
        """See to some of those whose rules may be others."""
        for shard in shards:
            watches = watches_of(shard)
            for _ in range(min(_AT_ONCE, len(watches.queue)) if watches else 0):
                assert watches is not None
                if member := shard.members.get(watches.queue.popleft()):
                    self._begin(shard, watches, member, now_ms)

    def _read(self, shard: Shard) -> ShardWatches:
        """What is stored of the shard. Two queries, when it is taken."""
        if found := watches_of(shard):
            return found
        alerts = Alert.objects.annotate(number=F("hash") % self._of).filter(number=shard.number)
        progress = AlertProgress.objects.annotate(number=F("hash") % self._of).filter(number=shard.number)
        fires: dict[UUID, Alert] = {one.id: one for one in alerts.exclude(state=RESOLVED)}
        made = shard.kept[NAME] = ShardWatches(progress.iterator(), fires)
        return made

    def _begin(self, shard: Shard, watches: ShardWatches, member: Member, now_ms: int) -> None:
        former = watches.devices.pop(member.key, None)
        before = former.watches if former else {}
        its: dict[int, Watch] = {}
        new: list[Watch] = []
        for known in self.rules.of(member):
            watch = before.get(known.number)
            if watch is None or watch.known.judged_as != known.judged_as:
                watch = _watch(watches, known, member.key)
                new.append(watch)
            watch.known = known
            its[known.number] = watch
        ended = [watch for number, watch in before.items() if its.get(number) is not watch]
        self._found += [
            (shard.number, watch, None, _end(watch, now_ms)) for watch in ended if watch.state.kept != QUIET
        ]
        if its:
            watches.devices[member.key] = Watched(its)
        self._look(shard, watches, member, new)

    def _look(self, shard: Shard, watches: ShardWatches, member: Member, new: Sequence[Watch]) -> None:
        """New watches see the device as it is."""
        if not new:
            return
        with member.glanced_at() as twin:
            for watch in new:
                seen = seeing.begin(watch, twin)
                steps, moved = watches.see(watch, seen) if seen else ((), False)
                watches.plan(watch)
                if steps or moved:
                    self._found.append((shard.number, watch, None, steps))


def _watch(watches: ShardWatches, known: KnownRule, key: str) -> Watch:
    """A new watch, as far as it was when it was last stored."""
    stored = watches.stored.pop((known.number, key), None)
    if stored is None or stored.judged_as != known.judged_as:
        return Watch(known, key, QUIET, None)
    kept = convert(stored.kept, Kept)
    alert = watches.alerts.get(stored.alert) if stored.alert else None
    return Watch(known, key, kept if (kept.raised is None) == (alert is None) else Kept(recent=kept.recent), alert)


def _end(watch: Watch, now_ms: int) -> Steps:
    watch.state = State(QUIET)
    return (Cleared(now_ms),) if watch.alert else ()
