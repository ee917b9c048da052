"""Which metrics a device was seen to have, where no description says it: its description grows with them."""

from collections.abc import Iterable
from typing import Final

MOST_METRICS: Final = 200  # of a device; further ones are not described


def with_new(seen: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """``seen`` with further names; the same object when there is none that is new, or no room."""
    new = [name for name in names if name not in seen]
    room = MOST_METRICS - len(seen)
    return seen.union(new[:room]) if new and room > 0 else seen
