"""Waiting for something to become true, with a deadline. Nothing in the tests sleeps a fixed time.

Deadlines are generous, as the machine may be slow: only failures wait for them. What is to be quick is measured, and
asserted with a limit of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")

PAUSE_S = 0.02
PATIENCE_S = 30


class _Attempts:
    """Remembers how the last try went, for the message when time is up."""

    def __init__(self, what: str | None, timeout_s: float) -> None:
        self.what = what
        self.timeout_s = timeout_s
        self.deadline = time.monotonic() + timeout_s
        self.last: object = None

    def check_deadline(self) -> None:
        if time.monotonic() < self.deadline:
            return
        cause = self.last if isinstance(self.last, BaseException) else None
        message = f"{self.what or 'the condition'} did not come true within {self.timeout_s:g} s"
        raise AssertionError(f"{message}; last: {self.last!r}") from cause


def eventually(
    probe: Callable[[], T],
    timeout_s: float = PATIENCE_S,
    *,
    what: str | None = None,
    pause_s: float = PAUSE_S,
    retry_on: tuple[type[Exception], ...] = (Exception,),
) -> T:
    """Call `probe` until it returns something true, and return that.

    An exception of `retry_on` (an assertion, too) counts as "not yet". Any other ends the wait at once.

    Raises:
        AssertionError: after `timeout_s` seconds; it names `what` and shows the last value or exception.
    """
    attempts = _Attempts(what, timeout_s)
    while True:
        try:
            value = probe()
        except retry_on as error:
            attempts.last = error
        else:
            if value:
                return value
            attempts.last = value
        attempts.check_deadline()
        time.sleep(pause_s)


@overload
async def eventually_async(
    probe: Callable[[], Coroutine[Any, Any, T]],
    timeout_s: float = PATIENCE_S,
    *,
    what: str | None = None,
    pause_s: float = PAUSE_S,
    retry_on: tuple[type[Exception], ...] = (Exception,),
) -> T: ...
@overload
async def eventually_async(
    probe: Callable[[], T],
    timeout_s: float = PATIENCE_S,
    *,
    what: str | None = None,
    pause_s: float = PAUSE_S,
    retry_on: tuple[type[Exception], ...] = (Exception,),
) -> T: ...
async def eventually_async(
    probe: Callable[[], Any],
    timeout_s: float = PATIENCE_S,
    *,
    what: str | None = None,
    pause_s: float = PAUSE_S,
    retry_on: tuple[type[Exception], ...] = (Exception,),
) -> Any:
    """`eventually` for a running event loop; `probe` may be a plain function or a coroutine function."""
    attempts = _Attempts(what, timeout_s)
    while True:
        try:
            outcome = probe()
            value = await outcome if isinstance(outcome, Awaitable) else outcome
        except retry_on as error:
            attempts.last = error
        else:
            if value:
                return value
            attempts.last = value
        attempts.check_deadline()
        await asyncio.sleep(pause_s)
