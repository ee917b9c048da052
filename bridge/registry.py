"""A registry: what is added at start-up, by name, and then only looked at. A data structure that both banks use."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

_NAME = re.compile(r"\A[a-z][a-z0-9_]{0,31}\Z")


class RegistrationError(Exception):
    """Something can't be registered; the text says what and why."""


class Registry(Generic[T]):
    """Things of one kind by name, in the order in which they were registered. The first look closes it.

    Args:
        kind: what they are, for messages: ``"page"``.
        of: their class.
    """

    def __init__(self, kind: str, of: type[T]) -> None:
        self._kind = kind
        self._of = of
        self._things: dict[str, T] = {}
        self._closed = False

    def register(self, name: str, thing: T) -> None:
        """Add a thing; one that is there already, again, changes nothing.

        Raises:
            RegistrationError: its class or its name is wrong, there is another of this name, or it is too late.
        """
        if not isinstance(thing, self._of):
            raise self.error(name, f"it is a {type(thing).__name__}, not a {self._of.__name__}")
        if not _NAME.match(name):
            raise self.error(name, "a name has 1 to 32 of a-z 0-9 _ and begins with a letter")
        if name in self._things:
            if self._things[name] == thing:
                return
            raise self.error(name, "there is another of this name")
        if self._closed:
            raise self.error(name, f"too late, the {self._kind}s are in use; register it in AppConfig.ready()")
        self._things[name] = thing

    def error(self, name: str, reason: str) -> RegistrationError:
        """Why the thing of this name can't be registered."""
        return RegistrationError(f"{self._kind} {name!r}: {reason}")

    def __iter__(self) -> Iterator[T]:
        """Those that are registered by now."""
        return iter(list(self._things.values()))

    def all(self) -> dict[str, T]:
        """All by name. From now on it is too late for others."""
        self._closed = True
        return dict(self._things)

    @contextmanager
    def reopened(self) -> Iterator[None]:
        """For tests: open while the context lasts; afterwards as it was before, whatever was registered."""
        former = self._things, self._closed
        self._things, self._closed = dict(self._things), False
        try:
            yield
        finally:
            self._things, self._closed = former
