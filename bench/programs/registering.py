"""Registers a large fleet quickly.

``python -m bench.programs.registering --devices 100000``, with the installation's settings in the environment.

Its devices have said something already, so that their twins are of a usual size: five metrics, a few reported values.
No device worker may run meanwhile: they are the only writers of twins, and know only what they have read themselves.
"""

import random
import time
from collections.abc import Sequence
from typing import Final

import django

from bench.programs.lines import options

_SITE: Final = "bench"
_CHUNK: Final = 5_000
_METRICS: Final = b'{"n":-1,"temperature":21.5,"humidity":48.25,"battery":0.87,"rssi":-61}'
_STATE: Final = b'{"firmware":"2.4.1","model":"T-1000","led":{"on":false,"colour":"green"},"interval_s":60}'


def main() -> None:
    """Run from the command line."""
    given = options(__doc__, devices=1_000)
    django.setup()
    keys = [f"{_SITE}/d{number}" for number in range(given.devices)]
    random.Random(1).shuffle(keys)
    register(keys)


def register(keys: Sequence[str]) -> None:
    """Make devices, none of which is there; each gets the twin of one that has spoken and gone offline.

    One statement makes all twins: to write so many texts of JSON takes Django half a minute.
    """
    from django.db import connection, transaction

    from bridge.shards import device_hash
    from devices.models import Device, Site, Twin

    doc, rev, status = _twin(time.time_ns() // 1_000_000)
    twins, devices = Twin._meta.db_table, Device._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        site, _ = Site.objects.get_or_create(name=_SITE)
        made = [Device(site=site, key=key, hash=device_hash(key)) for key in keys]
        Device.objects.bulk_create(made, batch_size=_CHUNK)
        cursor.execute(
            f"INSERT INTO {twins} (device_id, doc, rev, status, tags, purged_rev)"
            f" SELECT id, %s, %s, %s, '[]', 0 FROM {devices} WHERE id NOT IN (SELECT device_id FROM {twins})",
            [doc, rev, status],
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database will have done by itself where a fleet has grown


def _twin(now_ms: int) -> tuple[str, int, str]:
    """Its document, revision and status."""
    from bridge.dialects.native.payloads import decode
    from devices.rules import presence
    from devices.rules.reducer import Arrival, Limits, reduce
    from devices.rules.twin import TwinState, dump

    twin = TwinState()
    for one in (decode("telemetry", "", _METRICS), decode("state", "", _STATE), decode("status", "", b"offline")):
        reduce(twin, one, Arrival(now_ms, gateway="registering"), Limits())
    link = presence.Link(up=True, since_ms=now_ms, drained_ms=now_ms)
    presence.evaluate(twin, presence.Evidence(now_ms, link, {"registering": link}, None))
    return dump(twin).decode(), twin.rev, twin.presence.status


if __name__ == "__main__":
    main()
