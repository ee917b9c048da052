"""Why something that was asked for is not done: one exception a code of docs/websocket.md.

Refusal
├── BadRequest       what was asked makes no sense
├── Unauthorized     nobody knows who asks
├── Forbidden        known, visible, but the role is too low
├── NotFound         it does not exist, or not for this user
├── Conflict         it exists in another version or state
├── TooLarge
├── RateLimited      later, perhaps
└── Unavailable      a part of ours does not answer
"""

from typing import ClassVar, Final


class Refusal(Exception):
    """What was asked for is not done. Its text is a sentence for people."""

    code: ClassVar[str]


class BadRequest(Refusal):
    """What was asked makes no sense."""

    code = "bad_request"


class Unauthorized(Refusal):
    """Nobody knows who asks."""

    code = "unauthorized"


class Forbidden(Refusal):
    """The role is too low."""

    code = "forbidden"


class NotFound(Refusal):
    """It does not exist, or not for this user."""

    code = "not_found"


class Conflict(Refusal):
    """It is in another version or state than the request supposes."""

    code = "conflict"


class TooLarge(Refusal):
    """Over a limit of size."""

    code = "too_large"


class RateLimited(Refusal):
    """Over a limit of number; the same may succeed later."""

    code = "rate_limited"


class Unavailable(Refusal):
    """A part of ours does not answer; the text says whether it may have happened nevertheless."""

    code = "unavailable"


_CLASSES: Final = {
    cls.code: cls
    for cls in (BadRequest, Unauthorized, Forbidden, NotFound, Conflict, TooLarge, RateLimited, Unavailable)
}


def refusal(code: str, message: str) -> Refusal:
    """The exception for a code; Unavailable for one that nobody knows."""
    return _CLASSES.get(code, Unavailable)(message)
