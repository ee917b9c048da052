"""JSON objects in the payloads of other dialects, read within the bounds of all (bridge.json_limits)."""

from typing import Any

from bridge.json_limits import (
    MAX_PAYLOAD_BYTES,
    MalformedError,
    check_leaves,
    check_size,
    decode_json,
    json_type,
)
from bridge.observations import Malformed


def read_object(payload: bytes, most_bytes: int = MAX_PAYLOAD_BYTES) -> dict[str, Any] | Malformed:
    """The JSON object that a payload is, or why it is none."""
    try:
        value = _read(payload, most_bytes)
    except MalformedError as bad:
        return bad.malformed
    return value if isinstance(value, dict) else Malformed("not_an_object", json_type(value))


def _read(payload: bytes, most_bytes: int) -> Any:
    if len(payload) > most_bytes:
        raise MalformedError("too_large", f"{len(payload)} bytes")
    check_leaves(payload)
    value = decode_json(payload)
    check_size(value)
    return value
