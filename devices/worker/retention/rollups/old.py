"""What retention removes of rollups: minutes go with the readings that they are of, hours and days later."""

from typing import Final

from devices.history.rules.rollups import DAY_MS, HOURS, LEVELS_MS
from devices.worker.retention.scope import Scope
from runtime.databases.statements import Statement

_CHUNK_DEVICES: Final = 100  # looked at together
_CHUNK_PAUSE_S: Final = 1.0  # to the next ones
_PAUSE_S: Final = 600.0  # to the next look at all

_OLDEST: Final = Statement(
    "SELECT MIN(oldest) FROM (SELECT (SELECT begin_ms FROM devices_rollup AS rollup"
    " WHERE rollup.device_id = twin.device_id AND level = %s ORDER BY begin_ms LIMIT 1) AS oldest"
    " FROM devices_twin AS twin WHERE twin.device_id {among}) AS of_each"
)
_REMOVE: Final = Statement(
    "DELETE FROM devices_rollup WHERE device_id {among} AND level = %s AND begin_ms < %s RETURNING 1"
)


class OldRollups:
    """Rollups by age.

    Args:
        days: how long hours and days are kept, if that is longer than readings are.
    """

    def __init__(self, days: int) -> None:
        self._keep_ms = days * DAY_MS
        self._waiting: list[int] = []  # devices still to be looked at in this pass
        self._shards: set[int] = set()

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        shards = {shard.number for shard in scope.shards}
        if not self._waiting or shards != self._shards:
            self._waiting = [member.id for shard in scope.shards for member in shard.members.values()]
            self._shards = shards
        chunk = self._waiting[-_CHUNK_DEVICES:]
        if chunk and self._remove(chunk, scope, limit):
            return 0
        self._waiting = self._waiting[:-_CHUNK_DEVICES]
        return _CHUNK_PAUSE_S if self._waiting else _PAUSE_S

    def _remove(self, devices: list[int], scope: Scope, limit: int) -> bool:
        """Remove about ``limit`` rows of a level at most; whether there may be more."""
        for level, width in enumerate(LEVELS_MS):
            keep_ms = max(scope.keep_ms, self._keep_ms) if level >= HOURS else scope.keep_ms
            cutoff_ms = scope.now_ms - keep_ms - width
            oldest = _OLDEST.rows(level, devices)[0][0]
            if oldest is not None and oldest < cutoff_ms:
                upto_ms = min(cutoff_ms, oldest + width * max(1, limit // len(devices)))
                with scope.removing():
                    _REMOVE.rows(devices, level, upto_ms)
                return True
        return False
