"""Messages that are kept because they are wrong, as rows: of a device, or of a source where they are no device's."""

from typing import Any, Final

from bridge.json_limits import MAX_PAYLOAD_BYTES
from bridge.messages import Delivery
from bridge.shards import device_hash
from devices.models import Quarantined

_MAX_DETAIL_CHARS: Final = 200  # Quarantined.detail


def row_of(delivery: Delivery, device: int | None, reason: str, detail: str, bad: bytes | None = None) -> Quarantined:
    """A message as it is kept.

    Args:
        delivery: it.
        device: whose it is, by primary key; None: the source's.
        reason: why.
        detail: where or what is wrong, for people.
        bad: the part that is wrong, alone, if not all of it; empty: it can't be told, so nothing is replayed.
    """
    payload = bad or delivery.payload
    return Quarantined(
        device_id=device,
        **_owner(delivery.source) if device is None else {},
        topic=delivery.topic,
        payload=payload[:MAX_PAYLOAD_BYTES],
        truncated=bad == b"" or len(payload) > MAX_PAYLOAD_BYTES,
        qos=delivery.qos,
        retain=delivery.retain,
        received_ms=delivery.received_ms,
        reason=reason,
        detail=storable(detail),
    )


def _owner(source: str) -> dict[str, Any]:
    return {"source": source, "site": source.partition("/")[0], "hash": device_hash(source)}


def storable(detail: str) -> str:
    """What PostgreSQL takes as a text, and the column: details may quote what was wrong."""
    return detail.replace("\0", "\\0").encode(errors="replace").decode()[:_MAX_DETAIL_CHARS]
