"""Asking devices for something: commands and changes are stored, and carried out by the device's worker.

``ask`` takes the kinds ``desired`` (body ``{"patch": {…}, "if_version": n | null}``), ``tags`` (``{"tags": ["…"]}``)
and ``settings`` (``{"stale_after_s": n | null}``); ``store_command`` is for commands. Whoever calls has checked the
right to, and says who asks: an Actor. ``register_device`` is synchronous: a device of this key, made if there is none.
"""

from devices.requests.ask import ask
from devices.requests.commands import store_command
from devices.requests.refusals import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RefusalError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)
from devices.requests.registry import register_device

__all__ = [
    "BadRequestError",
    "ConflictError",
    "ForbiddenError",
    "NotFoundError",
    "RateLimitedError",
    "RefusalError",
    "TooLargeError",
    "UnauthorizedError",
    "UnavailableError",
    "ask",
    "register_device",
    "store_command",
]
