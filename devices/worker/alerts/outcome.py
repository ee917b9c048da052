"""What one transaction does to alerts: new ones and changed ones, how far rules are, what is told and recorded."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from msgspec import json

from bridge.messages import AlertStep
from bridge.shards import device_hash
from devices.models import Alert, AlertProgress
from devices.models.alerts import RESOLVED
from devices.rules.alerts.alert import StepName, alert_json, as_change
from devices.rules.alerts.observations import QUIET
from devices.rules.alerts.steps import Cleared, Counted, Raised, Step
from devices.worker.alerts.inhibition import inhibiting
from devices.worker.alerts.watches import ShardWatches, Watch
from devices.worker.effects.work import RoundWork, ShardWork

_BOUND: Final = 500  # rows in a statement: SQLite takes so many values
_CHANGED: Final = (
    "state", "count", "value", "cleared_ms", "snoozed_ms", "acknowledged_by", "assignee", "comments", "commit",
)  # fmt: skip
_KEPT: Final = ("judged_as", "kept", "alert")
_encode = json.Encoder().encode


class Outcome:
    """Of one transaction.

    Args:
        work: its.
    """

    def __init__(self, work: RoundWork) -> None:
        self._work = work
        self.frames: list[tuple[int, AlertStep]] = []  # with the shard's number
        self._new: dict[UUID, Alert] = {}
        self._changed: dict[UUID, Alert] = {}
        self._moved: dict[tuple[int, str], Watch] = {}  # whose progress is to be stored

    def moved(self, part: ShardWork, watch: Watch) -> None:
        """How far a watch is has changed."""
        self._moved[watch.place] = watch
        part.touched = True

    def take(self, part: ShardWork, watches: ShardWatches, watch: Watch, steps: Iterable[Step]) -> None:
        """What came of a watch's alert."""
        for one in steps:
            self.moved(part, watch)
            match one:
                case Raised():
                    self._raise(part, watches, watch, one)
                case Counted() if watch.alert:
                    watch.alert.count, watch.alert.value = one.count, one.value
                    self.tell(part, watch.alert, "counted", one.at)
                case Cleared() if watch.alert:
                    alert, watch.alert = watch.alert, None
                    self.clear(part, watches, alert, one.at)

    def _raise(self, part: ShardWork, watches: ShardWatches, watch: Watch, raised: Raised) -> None:
        rule, key = watch.known.timed.rule, watch.key
        condition = rule.condition
        alert = Alert(
            rule=watch.known.number,
            rule_name=rule.name,
            device=key,
            site=key.partition("/")[0],
            hash=device_hash(key),
            state="firing",
            severity=rule.severity,
            kind=condition.kind,
            metric=condition.metric if isinstance(condition.metric, str) else "",
            note=rule.note,
            value=raised.value,
            raised_ms=raised.at,
        )
        alert.inhibited_by = inhibiting(alert, watches, part.shard.members.get(key), self._work)
        watch.alert = watches.alerts[alert.id] = self._new[alert.id] = alert
        self.tell(part, alert, "raised", raised.at)

    def clear(self, part: ShardWork, watches: ShardWatches, alert: Alert, at: int) -> None:
        """It is over."""
        watches.alerts.pop(alert.id, None)
        alert.state, alert.cleared_ms = RESOLVED, max(at, alert.raised_ms)
        self.tell(part, alert, "cleared", alert.cleared_ms)

    def tell(self, part: ShardWork, alert: Alert, step: StepName, at: int, actor: str = "") -> None:
        """A step of an alert."""
        alert.commit = part.shard.commit + 1
        self._changed[alert.id] = alert
        part.recorded.setdefault(alert.device, []).append((as_change(alert, step, at), actor))
        part.touched = True
        self._work.just_readings = False
        self.frames.append((part.shard.number, AlertStep(alert.device, _encode(alert_json(alert)))))

    def store(self) -> None:
        """Write all of it."""
        if not (self._changed or self._moved):
            return
        Alert.objects.bulk_create(self._new.values(), batch_size=_BOUND)
        changed = [alert for pk, alert in self._changed.items() if pk not in self._new]
        if changed:
            Alert.objects.bulk_update(changed, _CHANGED, batch_size=_BOUND // 10)
        busy = [_progress(watch) for watch in self._moved.values() if watch.state.kept != QUIET]
        unique = ("rule", "device")
        AlertProgress.objects.bulk_create(
            busy, batch_size=_BOUND, update_conflicts=True, unique_fields=unique, update_fields=_KEPT
        )
        quiet: dict[int, list[str]] = {}
        for watch in self._moved.values():
            if watch.state.kept == QUIET:
                quiet.setdefault(watch.known.number, []).append(watch.key)
        for number, keys in quiet.items():
            for begin in range(0, len(keys), _BOUND):
                AlertProgress.objects.filter(rule=number, device__in=keys[begin : begin + _BOUND]).delete()


def _progress(watch: Watch) -> AlertProgress:
    return AlertProgress(
        rule=watch.known.number,
        judged_as=watch.known.judged_as,
        device=watch.key,
        hash=device_hash(watch.key),
        kept=_encode(watch.state.kept),
        alert=watch.alert.id if watch.alert else None,
    )
