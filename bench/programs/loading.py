"""Loads a history that took months, in a minute or two.

``python -m bench.programs.loading``, with the installation's settings in the environment. No device worker may run
meanwhile: they know only what they have read themselves.

======================  =====================================
``bench/second``        a reading a second, for a month
``bench/minute0`` …     a reading a minute, for a month
``bench/year``          a reading a minute, for a year
======================  =====================================
"""

import json
import math
import time
from collections.abc import Iterator
from typing import Any, Final

import django

from bench.programs.lines import options

DAY_MS: Final = 86_400_000
MONTH_MS: Final = 30 * DAY_MS
YEAR_MS: Final = 365 * DAY_MS
SECOND, MINUTE, YEAR = "bench/second", "bench/minute", "bench/year"


def main() -> None:
    """Run from the command line."""
    given = options(__doc__, devices=50)
    django.setup()
    histories = {SECOND: (MONTH_MS, 1_000), YEAR: (YEAR_MS, 60_000)}
    histories |= {f"{MINUTE}{number}": (MONTH_MS, 60_000) for number in range(given.devices)}
    load(histories, time.time_ns() // 1_000_000 // 1_000 * 1_000)


def load(histories: dict[str, tuple[int, int]], now_ms: int) -> None:
    """Register devices, each with readings of so long, one every so often, up to now."""
    from django.db import connection, transaction

    from bench.programs.registering import register
    from devices.models import Device, Twin
    from devices.rules.twin import decode, dump

    register(list(histories))
    connection.ensure_connection()
    with transaction.atomic():
        for device in Device.objects.filter(key__in=histories):
            span_ms, every_ms = histories[device.key]
            twin = Twin.objects.get(pk=device.pk)
            state = decode(dump_text(twin))
            with connection.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for row in _rows(device.pk, state.rev, now_ms - span_ms, now_ms, every_ms):
                    copy.write_row(row)
            state.rev += span_ms // every_ms
            Twin.objects.filter(pk=device.pk).update(doc=dump(state), rev=state.rev)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE devices_reading")  # as the database does by itself, in time
    begun = time.monotonic()
    rolled = sum(_roll_up(device, now_ms) for device in Device.objects.filter(key__in=histories))
    print(json.dumps({"rolled_per_s": rolled / (time.monotonic() - begun)}))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE devices_rollup")


def _roll_up(device: Any, now_ms: int) -> int:
    """Do what the workers do between rounds, in larger steps, until there is nothing to do. How many revs."""
    from django.db import transaction

    from devices.models import Twin
    from devices.worker.retention.rollups.turns import Turn, take
    from devices.worker.rules.rolling import Progress, go_on

    progress = Progress(newest_rev=Twin.objects.get(pk=device.pk).rev)
    before = None
    while before != (before := progress.rev):
        turn = Turn(device.pk, progress, _TURN)
        with transaction.atomic():
            (done,) = take([turn], now_ms)
        go_on(progress, done, _TURN, device.pk, now_ms)
    return progress.rev


def dump_text(twin: Any) -> bytes:
    """A twin's document, as it is stored."""
    import msgspec

    return msgspec.json.encode(twin.doc)


_TURN: Final = 10_000  # readings
_COPY: Final = "COPY devices_reading (device_id, rev, ts, received_ms, metrics, clamped) FROM STDIN"


def _rows(device: int, rev: int, since: int, until: int, every_ms: int) -> Iterator[tuple[Any, ...]]:
    for number, ts in enumerate(range(since, until, every_ms), 1):
        temperature = 20 + 5 * math.sin(ts / DAY_MS * math.tau) + number % 7 / 10
        metrics = f'{{"n":{number},"temperature":{temperature:.2f},"humidity":{48 + number % 20},"on":{_on(number)}}}'
        yield device, rev + number, ts, ts + 40, metrics, False


def _on(number: int) -> str:
    return "true" if number // 900 % 2 else "false"


if __name__ == "__main__":
    main()
