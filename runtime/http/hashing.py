"""Passwords are hashed one after the other, in one thread: whoever else asks doesn't wait for them.

A hash takes a core for a third of a second, on purpose. Sixty logins at once would otherwise have all cores, and each
its thread.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher

MAX_WAITING: Final = 100  # beyond, the password is not looked at: TooManyHashesError
WAIT_S: Final = 30.0


class TooManyHashesError(Exception):
    """So many passwords wait to be checked that this one would wait for too long."""


class HashingQueue:
    """Runs calls one at a time, in their order. Safe to use from any thread; it drops none that it took."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._thread = ThreadPoolExecutor(1, "hashing")
        self._places = threading.BoundedSemaphore(max_waiting)

    def run(self, call: Callable[[], str]) -> str:
        """What the call gives.

        Raises:
            TooManyHashesError: there is no place, or its turn did not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyHashesError
        waiting = self._thread.submit(call)
        try:
            return waiting.result(WAIT_S)
        except TimeoutError:
            if waiting.cancel():
                raise TooManyHashesError from None
            return waiting.result()  # its turn has come: a slow machine takes its time
        finally:
            self._places.release()


_queue: Final = HashingQueue()


class QueuedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's, in turn; what it stores is the same."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """The hash, as it is stored."""
        return _queue.run(lambda: PBKDF2PasswordHasher.encode(self, password, salt, iterations))
