"""The results of requests that are refused, as devices.models.Request has them."""

from typing import Final

from devices.rules.requested import Refused

_NO_DEVICE: Final = {
    "unknown_device": ("not_found", "there is no such device"),
    "deleted": ("not_found", "the device was deleted"),  # and what came of it with the request does not bring it back
    "too_many_devices": ("rate_limited", "there are as many devices as MAX_DEVICES allows"),
    "bad_name": ("bad_request", "the device's key is not site/device"),
    "wrong_shard": ("bad_request", "the request was stored for another shard"),
}


def refusal(refused: Refused | None) -> dict[str, str] | None:
    """A request's result when it was refused."""
    return {"error": refused.code, "message": refused.message} if refused else None


def refused_device(key: str, reason: str) -> dict[str, str]:
    """The result when no device can carry it out: ``reason`` is one of admission's."""
    code, message = _NO_DEVICE[reason]
    return {"error": code, "message": f"{key[:200]}: {message}"}
