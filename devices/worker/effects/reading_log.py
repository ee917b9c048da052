"""The feature of the log of readings: while somebody follows a shard, each transaction's readings are a row of it.

::

    follower            sets ShardState.is_followed
    leases' look        sees it within about a second, and wakes the rounds (Followed)
    before a round      logged_since = commit, if the shard is followed indeed: from here on nothing is left out
    each transaction    its row, with the effect

Nobody's start depends on how long that takes: what is stored before it is read from history (devices.handlers.log).
While nobody follows (no ``totals``), a round costs two looks at what is in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from devices.models import LoggedReadings
from devices.models.followers import LoggedDevice, LoggedReading, pack_readings
from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.memory.shard import Shard
from devices.worker.ownership.followed import Followed, State
from devices.worker.retention.reading_log import ReadReadings
from devices.worker.retention.scope import PurgeTask
from runtime.database import writing
from runtime.databases.statements import Statement

ROW_BYTES: Final = 64  # of a row, besides what is packed
_ROWS: Final = Table(LoggedReadings, ("shard", "commit", "at_ms", "total_bytes", "readings"))
_BEGIN: Final = Statement(
    'UPDATE devices_shardstate SET logged_since = COALESCE(logged_since, "commit")'
    " WHERE shard = %s AND generation = %s AND is_followed RETURNING 1"
)


class ReadingLogFeature(Feature):
    """Writes it.

    Args:
        options: of the installation.
        followed: what the leases see.
    """

    name = "reading_log"
    minds_readings = False

    def __init__(self, options: DevicesOptions, followed: Followed) -> None:
        self._followed, self._bytes = followed, options.handler_log_mb * 1024 * 1024 // options.shards
        self._seen: Mapping[int, State] = followed.seen
        self.totals: dict[int, int] = {}  # LoggedReadings.total_bytes of the latest row, by shard that is logged

    def load(self, shard: Shard, now_ms: int) -> None:
        """Whether it is followed."""
        self._settle(shard)

    def forget(self) -> None:
        """Each shard is loaded anew."""
        self.totals.clear()

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Begin and end as the leases have seen. No transaction of the round is needed for it."""
        seen = self._followed.seen
        if seen is not self._seen:
            for shard in shards:
                state = seen.get(shard.number, "nobody")
                if state == "begins" or (state == "logged") != (shard.number in self.totals):
                    self._settle(shard)
            self._seen = seen
        return False

    def _settle(self, shard: Shard) -> None:
        """Ask the database whether it is followed; if so, all that is committed from now on is logged."""
        with writing():
            is_followed = bool(_BEGIN.rows(shard.number, shard.generation))
        if not is_followed:
            self.totals.pop(shard.number, None)
        elif shard.number not in self.totals:
            rows = LoggedReadings.objects.filter(shard=shard.number).order_by("-commit")
            self.totals[shard.number] = rows.values_list("total_bytes", flat=True).first() or 0

    def write(self, work: RoundWork) -> None:
        """One row a shard that is followed and has readings. Called by the feature that stores these."""
        followed = [part for number, part in work.parts.items() if number in self.totals and part.works]
        _ROWS.write([row for part in followed for row in self._row(part, work.now_ms)])

    def _row(self, part: ShardWork, now_ms: int) -> Iterable[Row]:
        devices = [
            LoggedDevice(
                one.member.key,
                [LoggedReading(new.rev, new.ts, new.received_ms, new.metrics) for new in news],
            )
            for one in part.works
            if (news := one.effects.news)
        ]
        if devices:
            number, packed = part.shard.number, pack_readings(devices)
            total = self.totals[number] = self.totals[number] + len(packed) + ROW_BYTES
            yield number, part.shard.commit + 1, now_ms, total, packed

    def purges(self) -> Iterable[PurgeTask]:
        """What all followers have read, and what is too much."""
        return (ReadReadings(self._bytes, self.totals.keys()),)
