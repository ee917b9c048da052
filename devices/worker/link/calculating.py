"""The feature of calculated metrics: with each reading that has one of their metrics, what they come to, as a reading.

::

    find       have definitions changed?
    prepare    the last operation of each device that has any: all that it has sent comes before it
    apply      a reading more, with the same ts, of all that its readings have come to
    follow_up  whose tags or description have changed may have others

Values for windows are kept in memory, read once from history, of as many metrics as fit; what is imported is old news,
and calculates nothing.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db.models import TextField
from django.db.models.functions import Cast
from msgspec import json

from bridge.observations import Note, Scalar
from devices.history.series import with_metrics
from devices.models import Reading
from devices.options import DevicesOptions
from devices.rules.described.calculated import Calculated, calculate, spans
from devices.rules.described.notes import keep
from devices.rules.described.windows import MAX_SAMPLES, Samples
from devices.rules.reducer import NewReading
from devices.rules.twin import Metric, TwinState
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import CHANGES, Effects, Operation
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork
from devices.worker.link import definitions
from devices.worker.memory.shard import Member, Shard

NAME: Final = "calculated"  # of the feature, in Shard.kept
_LOOK_S: Final = 1.0  # between looks for changed definitions
_MOST_SAMPLED: Final = 2_000  # metrics of devices whose values are kept for windows
_SCOPE: Final = ("tags", "description")  # changes by which others may be a device's

Latest = dict[str, tuple[Scalar, int]]
_metrics: Final[Callable[[bytes | str], dict[str, Scalar]]] = json.Decoder(dict[str, Scalar]).decode
_encode: Final = json.Encoder().encode


class Calculate(Operation, frozen=True):
    """Calculate with what the operations before this one have brought."""

    those: tuple[Calculated, ...]
    before: Latest  # the values of their metrics before these operations


class CalculatingFeature(Feature):
    """Calculates. Where nothing is defined, a round costs a look a second.

    Args:
        options: of the installation.
    """

    name = NAME
    operations = (Calculate,)

    def __init__(self, options: DevicesOptions) -> None:
        self._most = options.max_metrics_per_device
        self._looks = RateGate(_LOOK_S)
        self._stamp: tuple[int, int] | None = None
        self._those: tuple[Calculated, ...] = ()
        self._sampled: OrderedDict[tuple[int, str], Samples] = OrderedDict()
        self.minds_readings = False

    def forget(self) -> None:
        """What is kept may hold what was not committed."""
        self._sampled.clear()
        self._stamp = None

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Definitions that have changed: what is known of whose they are is found out anew."""
        nudged = any(one.request_id == 0 for one in round_.requests)
        if self._stamp is None or self._looks() or nudged:
            found = definitions.stamp()
            if found != self._stamp:
                self._stamp, self._those = found, definitions.enabled()
                self._sampled.clear()
                for shard in shards:
                    for key in shard.kept.pop(NAME, {}):
                        if member := shard.members.get(key):
                            member.calculated = frozenset()
        self.minds_readings = bool(self._those)
        return False

    def prepare(self, work: RoundWork) -> None:
        """Have the devices calculate."""
        if not self._those:
            return
        for part in work.parts.values():
            for key, operations in part.operations.items():
                member = part.shard.members.get(key)
                if member and (those := self._of(part.shard, member)):
                    names = {name for one in those for name in one.parsed.metrics}
                    known = member.twin.metrics
                    before = {name: (known[name].value, known[name].ts) for name in names if name in known}
                    operations.append(Calculate(those, before))

    def _of(self, shard: Shard, member: Member) -> tuple[Calculated, ...]:
        kept: dict[str, tuple[Calculated, ...]] = shard.kept.setdefault(NAME, {})
        found = kept.get(member.key)
        if found is None:
            by_name: dict[str, Calculated] = {}
            for one in self._those:
                if one.scope.covers(member.key, member.known.tags, lambda: _model(member)):
                    by_name.setdefault(one.metric, one)  # of two of one name the older one
            found = kept[member.key] = tuple(by_name.values())
            member.calculated = frozenset(name for name in by_name if not _is_own(member.twin, name))
        return found

    def apply(self, operation: Calculate, effects: Effects) -> None:
        """What its readings have come to."""
        member, twin = effects.member, effects.member.twin
        longest = spans(operation.those)
        latest, room = dict(operation.before), self._most
        for reading in list(effects.news):
            metrics = _metrics(reading.metrics)
            for name, span in longest.items():
                if name in metrics:
                    self._samples(member.id, name, span, reading).add(reading.ts, metrics[name])
            found = calculate(
                operation.those,
                reading.ts,
                metrics,
                latest,
                lambda name: self._samples(member.id, name, longest[name], reading),  # noqa: B023  called at once
            )
            found = {name: value for name, value in found.items() if _may_be_set(twin, name, value, room, reading)}
            _learn(latest, metrics | found, reading.ts)
            if found:
                effects.readings.append(_add(twin, found, reading))

    def _samples(self, device: int, metric: str, span_ms: int, reading: NewReading) -> Samples:
        """Those that are kept, or read: what the database has from before this round."""
        key = device, metric
        samples = self._sampled.get(key)
        if samples is None:
            samples = self._sampled[key] = read_samples(device, metric, span_ms, reading.ts)
            if len(self._sampled) > _MOST_SAMPLED:
                self._sampled.popitem(last=False)
        self._sampled.move_to_end(key)
        return samples

    def follow_up(self, work: RoundWork) -> None:
        """Whose tags or description have changed is looked at anew."""
        for part, effects in work.effects():
            if any(change.kind in _SCOPE for change, _ in effects.noted.get(CHANGES, ())):
                part.shard.kept.get(NAME, {}).pop(effects.member.key, None)
                effects.member.calculated = frozenset()


def read_samples(device: int, metric: str, span_ms: int, at: int) -> Samples:
    """A metric's latest values up to a time, from history. One query, of an index on ``ts``."""
    rows = with_metrics(Reading.objects.filter(device=device, ts__gt=at - 2 * span_ms, ts__lte=at), [metric])
    texts = rows.annotate(text=Cast("metrics", TextField())).order_by("-ts", "-rev").values_list("ts", "text")
    found = list(texts[:MAX_SAMPLES])
    samples = Samples(span_ms, is_cut=len(found) == MAX_SAMPLES)
    for ts, text in reversed(found):
        samples.add(ts, _metrics(text).get(metric))
    return samples


def _model(member: Member) -> str:
    return str(member.described.kept.value.get("model", "")) if member.described else ""


def _is_own(twin: TwinState, name: str) -> bool:
    """Whether the device sends it itself."""
    return name in twin.metrics and name not in twin.calculated


def _may_be_set(twin: TwinState, name: str, value: Scalar, most: int, reading: NewReading) -> bool:
    """Not what the device sends itself, nor more than there is room for; nothing unknown of which nothing was known."""
    if name in twin.metrics:
        if name in twin.calculated:
            return True
        keep(twin, [Note("calculated", name, "the device sends it itself")], reading.received_ms)
        return False
    if value is not None and len(twin.metrics) >= most:
        keep(twin, [Note("too_many_metrics", name, str(value)[:200])], reading.received_ms)
        return False
    return value is not None


def _learn(latest: Latest, metrics: dict[str, Any], ts: int) -> None:
    for name, value in metrics.items():
        if name not in latest or ts >= latest[name][1]:
            latest[name] = value, ts


def _add(twin: TwinState, found: dict[str, Scalar], reading: NewReading) -> NewReading:
    """By the time rule; it is a change of its own."""
    rev = twin.rev = twin.rev + 1
    for name, value in found.items():
        current = twin.metrics.get(name)
        if current is None or reading.ts >= current.ts:
            twin.metrics[name] = Metric(value, reading.ts, rev)
        if name not in twin.calculated:
            twin.calculated.append(name)
    return NewReading(rev, reading.ts, reading.received_ms, _encode(found))
