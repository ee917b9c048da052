"""What devices without MQTT send: stored as a request, and carried out by the device's worker, exactly once."""

import contextlib
import hashlib
import hmac
import secrets
from base64 import b64encode
from typing import Any, Final

import msgspec
from django.conf import settings

from bridge.json_limits import MAX_INTEGER
from devices.models import Device
from devices.requests.ask import ask
from devices.rules.actors import Actor
from runtime.database_clock import unix_ms

MAX_IDEMPOTENCY_KEY_CHARS: Final = 200
_TOKEN_BYTES: Final = 32


def new_token() -> tuple[str, str]:
    """A random token for a device, and what is kept of it."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, digest_of(token)


def digest_of(token: str) -> str:
    """What is kept of a token: its SHA-256, hex. (Of 256 random bits, no more is needed.)"""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_token_of(device_key: str, token: str) -> bool:
    """Whether the token is the device's. One query."""
    kept = Device.objects.filter(key=device_key).exclude(http_token="").values_list("http_token", flat=True).first()
    return hmac.compare_digest(digest_of(token), kept or "")


def _digest_of_message(topic: str, payload: bytes) -> str:
    """The same for messages that say the same: equal JSON, however it is written; else equal bytes."""
    with contextlib.suppress(msgspec.MsgspecError, ValueError, OverflowError, RecursionError):  # else byte by byte
        payload = msgspec.json.encode(_plain(msgspec.json.decode(payload)), order="deterministic")
    return hashlib.sha256(topic.encode() + b"\0" + payload).hexdigest()


def _plain(value: Any) -> Any:
    """A JSON value whose whole numbers are integers: 1.0 is 1."""
    match value:
        case float() if value.is_integer() and abs(value) <= MAX_INTEGER:
            return int(value)
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


async def ingest(device_key: str, suffix: str, payload: bytes, idempotency_key: str | None) -> dict[str, Any]:
    """Have a message carried out as if it had come by MQTT, and wait until that is committed.

    Args:
        device_key: ``site/device``.
        suffix: of its topic: ``telemetry``, ``state``, ``event/NAME``.
        payload: as on that topic.
        idempotency_key: 1-200 characters, or None. The same one for this device is the same message, for a day; equal
            JSON is the same, however it is written.

    Returns:
        ``{"outcome": "applied" | "quarantined" | "rejected", "reason": …, "detail": …}``.

    Raises:
        RefusalError: as :func:`devices.requests.ask.ask`; ConflictError: the key was used for something else.
    """
    topic = f"{settings.DEVICES.topic_root}/{device_key}/{suffix}"
    body = {
        "topic": topic,
        "payload": b64encode(payload).decode(),
        "received_ms": unix_ms(),
        "digest": _digest_of_message(topic, payload),
    }
    return await ask(device_key, "ingest", body, actor=Actor("device", device_key), idempotency_key=idempotency_key)
