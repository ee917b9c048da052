"""Which rules watch which devices of a shard, and how far each is. In memory; what must outlast it is AlertProgress."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from msgspec import structs

from bridge.observations import Scalar
from devices.models import Alert, AlertProgress
from devices.requests.alert_rules import KnownRule
from devices.rules.alerts.conditions import crossing
from devices.rules.alerts.observations import Kept, Observation, State
from devices.rules.alerts.steps import Steps, due, step
from devices.worker.memory.shard import Member, Shard
from devices.worker.rules.schedule import Schedule

NAME: Final = "alerts"  # in Shard.kept


class Watch:
    """A rule at a device.

    Nearly all readings say what the last one said. While a watch is ``calm``, those are only noted by :meth:`skim`.
    """

    __slots__ = ("_at", "_crosses", "_state", "_value", "alert", "calm", "key", "known")

    def __init__(self, known: KnownRule, key: str, kept: Kept, alert: Alert | None) -> None:
        self.known, self.key, self.alert = known, key, alert
        self._at, self._value = 0, 0.0  # of the last reading that was skimmed; 0: the state knows of all
        condition = known.timed.rule.condition
        self._crosses = crossing(condition, holds=False) if condition.kind in ("above", "below") else None
        self._state = State(kept)
        self.state = self._state

    @property
    def state(self) -> State:
        """How far it is."""
        if self._at:
            state, condition = self._state, self.known.timed.rule.condition
            if condition.kind == "no_data":
                self._state = structs.replace(state, heard=max(state.heard, self._at))
            else:
                self._state = structs.replace(state, latest={str(condition.metric): (self._value, self._at)})
            self._at = 0
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state, self._at = state, 0
        is_quiet = state.kept.since is None and state.kept.raised is None
        waits = self.known.timed.rule.condition.kind == "no_data"
        self.calm = is_quiet and (state.dark is None and state.heard > 0 if waits else self._crosses is not None)

    def skim(self, at: int, value: Scalar) -> bool:
        """Note that a threshold's metric is newly known; False: that may change something, and is to be seen."""
        kind = type(value)
        if not self.calm or not (kind is float or kind is int) or self._crosses(value):  # type: ignore[arg-type,misc]
            return False
        self._at, self._value = at, value  # type: ignore[assignment]
        return True

    def heard(self, at: int) -> bool:
        """Note that something has come, where silence is waited for; False: that is to be seen."""
        if not self.calm:
            return False
        self._at = max(self._at, at)
        return True

    @property
    def place(self) -> tuple[int, str]:
        """The rule and the device."""
        return self.known.number, self.key

    @property
    def due_ms(self) -> int | None:
        """When time alone will do something; None: never, or not as long as nothing is known of the device."""
        at = due(self.known.timed, self.state)
        dark = self.state.dark
        return None if at is None or (dark is not None and at > dark) else at


class Watched:
    """A device that is watched.

    Args:
        watches: all of its, by rule.
    """

    __slots__ = ("data", "events", "metrics", "presence", "watches")

    def __init__(self, watches: dict[int, Watch]) -> None:
        self.watches = watches
        self.metrics: dict[str, list[Watch]] = {}  # that mind a metric's values
        self.data: list[Watch] = []  # that mind whether anything is measured
        self.presence: list[Watch] = []
        self.events: list[Watch] = []
        for watch in watches.values():
            self._sort_in(watch)

    def _sort_in(self, watch: Watch) -> None:
        condition = watch.known.timed.rule.condition
        if condition.kind == "event":
            self.events.append(watch)
            return
        self.presence.append(watch)
        if condition.kind == "no_data":
            self.data.append(watch)
        elif condition.kind != "presence":
            for metric in condition.metrics:
                self.metrics.setdefault(metric, []).append(watch)

    @property
    def alerts(self) -> Iterator[Alert]:
        """Those that fire."""
        return (watch.alert for watch in self.watches.values() if watch.alert)


class ShardWatches:
    """What is watched in a shard.

    Args:
        progress: what is stored of it.
        alerts: those that fire, or did when their rule was last judged, by id.
    """

    def __init__(self, progress: Iterable[AlertProgress], alerts: dict[UUID, Alert]) -> None:
        self.devices: dict[str, Watched] = {}
        self.timers: Schedule[tuple[int, str]] = Schedule()  # when to look at a watch: not before, perhaps in vain
        self.queue: deque[str] = deque()  # devices whose rules may be others by now
        self.stored = {(one.rule, one.device): one for one in progress}  # until it is taken over by a watch
        self.alerts = alerts

    def see(self, watch: Watch, seen: Observation) -> tuple[Steps, bool]:
        """Let a watch observe; what came of it, and whether there is anything to store."""
        before = watch.state
        after, steps = step(watch.known.timed, before, seen)
        if after is before:
            return steps, False
        watch.state = after
        self.plan(watch)
        return steps, after.kept is not before.kept

    def plan(self, watch: Watch) -> None:
        """Look at it when it is due."""
        if (at := watch.due_ms) is not None:
            self.timers.set_earlier(watch.place, at)

    def find(self, place: tuple[int, str]) -> Watch | None:
        """The watch of a rule and a device."""
        number, key = place
        watched = self.devices.get(key)
        return watched.watches.get(number) if watched else None


def watches_of(shard: Shard) -> ShardWatches | None:
    """What is watched there; None: it was not read yet."""
    found = shard.kept.get(NAME)
    assert found is None or isinstance(found, ShardWatches)
    return found


class Rules:
    """The rules, so that a device finds its own without going through all.

    Args:
        known: all that are enabled.
    """

    def __init__(self, known: Sequence[KnownRule] = ()) -> None:
        self.some = bool(known)
        self._everywhere: list[KnownRule] = []
        self._by_site: dict[str, list[KnownRule]] = {}
        self._by_device: dict[str, list[KnownRule]] = {}
        for one in known:
            scope = one.timed.rule.scope
            for key in scope.devices:
                self._by_device.setdefault(key, []).append(one)
            if not scope.devices:
                its = self._everywhere if scope.site is None else self._by_site.setdefault(scope.site, [])
                its.append(one)

    def of(self, member: Member) -> list[KnownRule]:
        """Those whose scope covers a device."""
        key = member.key
        site = key.partition("/")[0]
        likely = (*self._by_device.get(key, ()), *self._by_site.get(site, ()), *self._everywhere)
        if not likely:
            return []
        tags = member.known.tags
        return [one for one in likely if one.timed.rule.scope.covers(key, tags, lambda: _model(member))]


def _model(member: Member) -> str:
    return str(member.described.kept.value.get("model", "")) if member.described else ""
