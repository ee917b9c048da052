"""Why something that was asked for is not done: one exception a code of docs/websocket.md.

RefusalError
├── BadRequestError       what was asked makes no sense
│   └── ContradictionError  it is understood, and contradicts what the device is said to be, or what may be said of it
├── UnauthorizedError     nobody knows who asks
├── ForbiddenError        known, visible, but the role is too low
├── NotFoundError         it does not exist, or not for this user
├── ConflictError         it exists in another version or state
├── TooLargeError
├── RateLimitedError      later, perhaps
└── UnavailableError      a part of ours does not answer
"""

from typing import ClassVar, Final


class RefusalError(Exception):
    """What was asked for is not done. Its text is a sentence for people."""

    code: ClassVar[str]


class BadRequestError(RefusalError):
    """What was asked makes no sense."""

    code = "bad_request"


class ContradictionError(BadRequestError):
    """It is understood, and can't be so.

    Args:
        message: a sentence for people.
        field: where in what was sent, ``args.target``.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnauthorizedError(RefusalError):
    """Nobody knows who asks."""

    code = "unauthorized"


class ForbiddenError(RefusalError):
    """The role is too low."""

    code = "forbidden"


class NotFoundError(RefusalError):
    """It does not exist, or not for this user."""

    code = "not_found"


class ConflictError(RefusalError):
    """It is in another version or state than the request supposes."""

    code = "conflict"


class TooLargeError(RefusalError):
    """Over a limit of size."""

    code = "too_large"


class RateLimitedError(RefusalError):
    """Over a limit of number; the same may succeed later."""

    code = "rate_limited"


class UnavailableError(RefusalError):
    """A part of ours does not answer; the text says whether it may have happened nevertheless."""

    code = "unavailable"


_CLASSES: Final = {
    cls.code: cls
    for cls in (
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        NotFoundError,
        ConflictError,
        TooLargeError,
        RateLimitedError,
        UnavailableError,
    )
}


def refusal(code: str, message: str) -> RefusalError:
    """The exception for a code; UnavailableError for one that nobody knows."""
    return _CLASSES.get(code, UnavailableError)(message)
