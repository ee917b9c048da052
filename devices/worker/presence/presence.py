"""The feature of the presence of devices that say nothing themselves: time and the gateways' links speak for them."""

from collections.abc import Sequence
from typing import Final

from devices.options import DevicesOptions
from devices.rules.described.silence import SilenceLimits
from devices.rules.presence import Evidence, evaluate
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects, Operation
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence import checks
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.presence.silence_limits import read_limits
from runtime.database_clock import clock

_SOON_S: Final = 0.25  # between looks at the links while somebody waits for them
_LIMITS_S: Final = 5.0  # between looks at the limits of sites and tags


class PresenceCheck(Operation, frozen=True):
    """Time to see what has become of the device's presence."""

    evidence: Evidence


class PresenceFeature(Feature):
    """Looks at those whose presence time, or our own links, may have changed.

    Args:
        options: of the installation.
        links: reads the gateways'.
    """

    name = "presence"
    minds_readings = False
    operations = (PresenceCheck,)

    def __init__(self, options: DevicesOptions, links: LinkWatch) -> None:
        self._options, self._links = options, links
        self._limits: SilenceLimits | None = None  # as last read
        self._reads_limits = RateGate(_LIMITS_S)
        self._looks, self._looks_soon = RateGate(1), RateGate(_SOON_S)
        self._due: dict[int, dict[str, Evidence]] = {}  # in the present round, by shard, then by device key

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """Watch the device."""
        checks.watch(shard, member, self._known_limits(), now_ms)

    def forget(self) -> None:
        """The database failed: nothing was seen for a while."""
        self._links.forget()
        self._limits = None

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Whether there is a presence that may have to change."""
        self._due = {}
        soon = any(shard.watch.is_waiting for shard in shards) and self._looks_soon()
        if not (soon or self._looks()):
            return False
        if self._reads_limits():
            self._read_limits(shards, now_ms)
        limits = self._known_limits()
        links = self._links.read(now_ms)
        since_ms = round_.listening_since_ms if clock.is_steady else None
        self._due = {shard.number: checks.due_checks(shard, links, limits, now_ms, since_ms) for shard in shards}
        return any(self._due.values())

    def _known_limits(self) -> SilenceLimits:
        if self._limits is None:
            self._limits = read_limits(self._options.stale_after_s)
        return self._limits

    def _read_limits(self, shards: Sequence[Shard], now_ms: int) -> None:
        """Where they have changed, all devices are watched anew: their time may be up earlier."""
        before, self._limits = self._limits, read_limits(self._options.stale_after_s)
        if before not in (None, self._limits):
            for shard in shards:
                for member in shard.members.values():
                    checks.watch(shard, member, self._limits, now_ms)

    def plan(self, work: RoundWork) -> None:
        """Look at them, after what came from them."""
        for number, due in self._due.items():
            for key, evidence in due.items():
                work.parts[number].add(key, PresenceCheck(evidence))

    def apply(self, operation: PresenceCheck, effects: Effects) -> None:
        """By the rules."""
        evaluate(effects.member.twin, operation.evidence)

    def follow_up(self, work: RoundWork) -> None:
        """Watch those that have changed."""
        for part, effects in work.effects():
            if effects.gone:
                checks.forget(part.shard, effects.member.key)
            else:
                checks.watch(part.shard, effects.member, self._known_limits(), work.now_ms)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """Soon, while somebody waits for the links."""
        return now_ms + int(1000 * _SOON_S) if any(shard.watch.is_waiting for shard in shards) else None
