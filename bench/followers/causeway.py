"""The app's handlers."""

import os
from collections.abc import Callable, Sequence

from django.conf import settings

from bench.followers.models import Copy
from bridge.shards import shard_of
from causeway import Reading, on
from causeway.handlers import Tx
from devices.models import LoggedReadings
from runtime.database_clock import unix_ms


def _writer(number: int) -> Callable[[Sequence[Reading], Tx], None]:
    def write(readings: Sequence[Reading], _tx: Tx) -> None:
        now_ms, committed = unix_ms(), _committed(readings) if number == 0 else {}
        Copy.objects.bulk_create(
            Copy(
                handler=number,
                device=one.device,
                rev=one.rev,
                value=float(one.value or 0),
                late_ms=now_ms - committed.get(one.commit, now_ms),
            )
            for one in readings
        )

    return write


def _committed(readings: Sequence[Reading]) -> dict[int, int]:
    """When their transactions were begun, Unix ms on the database's clock, as far as the log still has it."""
    commits = {one.commit for one in readings}
    shard = shard_of(readings[0].device, settings.DEVICES.shards)
    rows = LoggedReadings.objects.filter(shard=shard, commit__gte=min(commits), commit__lte=max(commits))
    return dict(rows.values_list("commit", "at_ms"))


for _number in range(int(os.environ.get("BENCH_FOLLOWERS", "1"))):
    on(Reading, metric="n", name=f"followers.write{_number}")(_writer(_number))
