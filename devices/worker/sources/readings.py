"""Deliveries read by their dialects: what each says of which device. Guarded: a dialect that raises is a bug.

Its delivery then goes to quarantine as ``internal_error``, as the source's, whose state stays as it was.
"""

import structlog

from bridge.dialects.dialect import Dialect, Reading, State
from bridge.messages import Delivery
from bridge.shards import source_of

log = structlog.get_logger(__name__)


def read(dialect: Dialect, state: State, delivery: Delivery) -> Reading | None:
    """What a delivery says; None: its dialect has failed. Never raises."""
    try:
        reading = dialect.read(state, delivery)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=delivery.dialect, topic=delivery.topic)
        return None
    source = delivery.source
    for said in reading.said:
        if said.device != source and source_of(said.device) != source:
            log.error("a dialect speaks of another source's device: a bug", device=said.device, topic=delivery.topic)
            return None
    return reading
