"""Registers a large fleet quickly: ``python -m bench.registering --devices 100000``, with the installation's settings.

Its devices have said something already, so that their twins are of a usual size: five metrics, a few reported values.
No device worker may run meanwhile: they are the only writers of twins, and know only what they have read themselves.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import django

if TYPE_CHECKING:
    from devices.rules.twin import TwinState

_CHUNK: Final = 2_000
_METRICS: Final = b'{"n":-1,"temperature":21.5,"humidity":48.25,"battery":0.87,"rssi":-61}'
_STATE: Final = b'{"firmware":"2.4.1","model":"T-1000","led":{"on":false,"colour":"green"},"interval_s":60}'


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.registering", description=sys.modules[__name__].__doc__)
    parser.add_argument("--devices", type=int, required=True, help="so many: d0, d1, …")
    parser.add_argument("--site", default="bench")
    options = parser.parse_args()
    django.setup()
    for first in range(0, options.devices, _CHUNK):
        numbers = range(first, min(first + _CHUNK, options.devices))
        register([f"{options.site}/d{number}" for number in numbers])
    return 0


def register(keys: Sequence[str]) -> None:
    """Make the devices that are not there; all of them get the twin of one that has spoken and gone offline."""
    from django.db import transaction

    from devices.models import Twin
    from devices.registry import register_devices
    from devices.rules.twin import dump

    twin = _twin(time.time_ns() // 1_000_000)
    doc, status = dump(twin), twin.presence.status
    with transaction.atomic():
        devices = register_devices(keys).values()
        rows = [Twin(device_id=device.pk, doc=doc, rev=twin.rev, status=status) for device in devices]
        columns = ["doc", "rev", "status"]
        Twin.objects.bulk_create(rows, update_conflicts=True, unique_fields=["device"], update_fields=columns)


def _twin(now_ms: int) -> "TwinState":
    from bridge.payloads import decode
    from devices.rules import presence
    from devices.rules.reducer import Arrival, Limits, reduce
    from devices.rules.twin import TwinState

    twin = TwinState()
    for kind, payload in (("telemetry", _METRICS), ("state", _STATE), ("status", b"offline")):
        reduce(twin, decode(kind, "", payload), Arrival(now_ms, gateway="registering"), Limits())
    link = presence.Link(up=True, since_ms=now_ms, drained_ms=now_ms)
    presence.look(twin, presence.Sight(now_ms, link, {"registering": link}, None))
    return twin


if __name__ == "__main__":
    sys.exit(main())
