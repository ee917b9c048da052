"""Which metrics a device was seen to have, where no description says it: its description grows with them."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from bridge.observations import Scalar

MOST_METRICS: Final = 200  # of a device; further ones are not described
Kind = Literal["n", "b", "t"]
"""What values of a metric are: numbers, booleans, texts."""


def with_new(seen: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """``seen`` with further names; the same object when there is none that is new, or no room."""
    new = [name for name in names if name not in seen]
    room = MOST_METRICS - len(seen)
    return seen.union(new[:room]) if new and room > 0 else seen


def with_kinds(seen: dict[str, Kind], metrics: Mapping[str, Scalar]) -> dict[str, Kind]:
    """``seen`` with further metrics that have a value; the same object when there is none that is new, or no room."""
    new = [(name, kind_of(value)) for name, value in metrics.items() if name not in seen and value is not None]
    room = MOST_METRICS - len(seen)
    return {**seen, **dict(new[:room])} if new and room > 0 else seen


def kind_of(value: Scalar) -> Kind:
    """What a value is."""
    if isinstance(value, bool):
        return "b"
    return "n" if isinstance(value, int | float) else "t"
