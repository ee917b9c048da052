"""What follows from objects that never change, kept for as long as they are met again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

One = TypeVar("One")
Found = TypeVar("Found")


def by_identity(most: int) -> Callable[[Callable[[One], Found]], Callable[[One], Found]]:
    """Keep what a function of one argument gives for the very objects that it was called with last.

    A large tuple is found so in no time; ``lru_cache`` would go through all of it, to hash it.

    Args:
        most: objects that are remembered, and so kept alive; the first ones are forgotten first.
    """

    def decorate(function: Callable[[One], Found]) -> Callable[[One], Found]:
        known: dict[int, tuple[Any, Found]] = {}

        @wraps(function)
        def remembered(one: One) -> Found:
            found = known.get(id(one))
            if found is None or found[0] is not one:
                found = (one, function(one))
                if len(known) >= most:
                    known.pop(next(iter(known)), None)
                known[id(one)] = found
            return found[1]

        return remembered

    return decorate
