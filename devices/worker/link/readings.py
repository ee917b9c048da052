"""Deliveries read by their dialects: what each says of which device. Guarded: a dialect that raises is a bug.

Its delivery then goes to quarantine as ``internal_error``, with the source as its device.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import structlog

from bridge.dialects.dialect import Reading, Said
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.observations import Decoded
from bridge.shards import source_of
from devices.worker.link.rejections import keep_sample

log = structlog.get_logger(__name__)

_UNKNOWN_DIALECT: Final = Reading(rejected="unknown_dialect")


def read(dialects: Dialects, delivery: Delivery) -> Reading | None:
    """What a delivery says; None: its dialect has failed. Never raises."""
    dialect = dialects.by_name.get(delivery.dialect)
    if dialect is None:
        return _UNKNOWN_DIALECT
    try:
        return dialect.read(dialect.fresh(), delivery)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=delivery.dialect, topic=delivery.topic)
        return None


def spoken(
    dialects: Dialects, delivery: Delivery, counted: Counter[tuple[str, str]]
) -> Iterator[tuple[str, Decoded | None]]:
    """What a delivery says, by device key; None: nobody knows, as its dialect has failed.

    Args:
        dialects: of the installation.
        delivery: to read.
        counted: deliveries by outcome and reason; takes one that says nothing.
    """
    reading = read(dialects, delivery)
    if reading is None:
        yield delivery.source, None
    elif not reading.said:
        counted["rejected", reading.rejected] += 1
        keep_sample(reading.rejected, delivery)
    else:
        for said in reading.said:
            yield (said.device, said.what) if _may_speak(delivery, said) else (delivery.source, None)


def _may_speak(delivery: Delivery, said: Said) -> bool:
    if said.device == delivery.source or source_of(said.device) == delivery.source:
        return True
    log.error("a dialect speaks of another source's device: a bug", device=said.device, topic=delivery.topic)
    return False
