"""The feature of alerts: see docs/alerts.md. The rules are devices.rules.alerts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bridge.messages import AlertStep
from devices.options import DevicesOptions
from devices.requests.alert_rules import enabled_rules, stamp
from devices.rules.alerts.observations import QUIET, Observation, State
from devices.worker.alerts import asking, seeing
from devices.worker.alerts.asking import AlertAsked
from devices.worker.alerts.beginnings import Beginnings
from devices.worker.alerts.outcome import Outcome
from devices.worker.alerts.ripening import Ripening
from devices.worker.alerts.watches import NAME, Rules, ShardWatches, Watch, Watched, watches_of
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import CHANGES, Effects
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.retention.alerts import OldAlerts
from devices.worker.retention.scope import PurgeTask

_LOOK_S: Final = 1.0  # between looks for changed rules
_SCOPE: Final = ("tags", "description")  # changes by which other rules may be a device's


class AlertsFeature(Feature):
    """Judges the rules at all devices of the process's shards. Where there is no rule, a round costs a few looks.

    Args:
        options: of the installation.
        links: the gateways', as last read.
    """

    name = NAME
    operations = (AlertAsked,)

    def __init__(self, options: DevicesOptions, links: LinkWatch) -> None:
        self._of = options.shards
        self._looks = RateGate(_LOOK_S)
        self._stamp: tuple[int, int] | None = None
        self._beginnings = Beginnings(options.shards)
        self._ripening = Ripening(links)
        self.minds_readings = False
        self._outcome: Outcome | None = None  # of the present round, where there is any

    def load(self, shard: Shard, now_ms: int) -> None:
        """Alerts of rules that are gone, or others by now, are over."""
        self._beginnings.loaded(shard)

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """Watch the device."""
        if self._stamp is None:
            self._read_rules()
        self._beginnings.join(shard, member, now_ms)

    def forget(self) -> None:
        """The shards are thrown away."""
        self._beginnings.forget()
        self._stamp = None

    def _read_rules(self) -> bool:
        """Whether they are others than before."""
        found = stamp()
        if found == self._stamp:
            return False
        self._stamp = found
        self._beginnings.rules = Rules(enabled_rules())
        return True

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Rules that have changed; watches whose time has come."""
        nudged = any(one.request_id == 0 for one in round_.requests)
        if (self._looks() or nudged) and self._read_rules():
            for shard in shards:
                self._beginnings.renew(shard)
        self._beginnings.go_on(shards, now_ms)
        ripe = self._ripening.find(shards, round_.listening_since_ms, now_ms)
        found = ripe or self._beginnings.found
        self.minds_readings = found or any(watches.devices for shard in shards if (watches := watches_of(shard)))
        return found

    def apply(self, operation: AlertAsked, effects: Effects) -> None:
        """Keep it until all is known that has happened."""
        effects.note(NAME, operation)

    def judge(self, work: RoundWork) -> None:
        """What has happened, by the rules."""
        outcome = Outcome(work)
        for number, watch, alert, steps in self._beginnings.take():
            if (part := work.parts.get(number)) and (watches := watches_of(part.shard)):
                if watch is not None:
                    outcome.moved(part, watch)
                    outcome.take(part, watches, watch, steps)
                elif alert is not None:
                    outcome.clear(part, watches, alert, work.now_ms)
        for part in work.parts.values():
            watches = watches_of(part.shard)
            if watches is not None and part.works and (watches.devices or not work.just_readings):
                _judge_devices(part, watches, outcome, work)
        for number, watch, passed in self._ripening.take():
            if (part := work.parts.get(number)) and (watches := watches_of(part.shard)):
                _see(part, watches, outcome, watch, passed)
        outcome.store()
        self._outcome = outcome

    def changes(self, work: RoundWork) -> Iterator[tuple[int, AlertStep]]:
        """The steps."""
        if self._outcome:
            yield from self._outcome.frames

    def committed(self, work: RoundWork) -> None:
        """All is told."""
        self._outcome = None

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When a watch's time comes; at once, while rules of devices may be others."""
        waits = any(watches.queue for shard in shards if (watches := watches_of(shard)))
        return now_ms if waits else self._ripening.next_ms(shards)

    def purges(self) -> Iterable[PurgeTask]:
        """Alerts that have been over for long."""
        return (OldAlerts(),)


def _judge_devices(part: ShardWork, watches: ShardWatches, outcome: Outcome, work: RoundWork) -> None:
    devices = watches.devices
    for one in part.works:
        effects = one.effects
        key = effects.member.key
        watched = devices.get(key)
        if watched is not None:
            alone = len(effects.readings) == 1 and not effects.noted
            news = seeing.seen_of_one(watched, effects) if alone else seeing.seen(watched, effects, work.now_ms)
            for watch, seen in news:
                _see(part, watches, outcome, watch, seen)
        if not effects.noted:
            continue
        if NAME in effects.noted:
            asking.carry_out(effects, part, watches, outcome, work.now_ms)
        if effects.gone and watched is not None:
            _end(part, watches, outcome, devices.pop(key), work.now_ms)
        elif any(change.kind in _SCOPE for change, _ in effects.noted.get(CHANGES, ())):
            watches.queue.append(key)


def _see(part: ShardWork, watches: ShardWatches, outcome: Outcome, watch: Watch, seen: Observation) -> None:
    steps, moved = watches.see(watch, seen)
    if steps:
        outcome.take(part, watches, watch, steps)
    elif moved:
        outcome.moved(part, watch)


def _end(part: ShardWork, watches: ShardWatches, outcome: Outcome, watched: Watched, now_ms: int) -> None:
    """The device is deleted."""
    for watch in watched.watches.values():
        alert, watch.alert = watch.alert, None
        if alert is not None:
            outcome.clear(part, watches, alert, now_ms)
        if watch.state.kept != QUIET:
            watch.state = State(QUIET)
            outcome.moved(part, watch)
