"""What a fault is made of: a timeline of steps, drawn from a random generator."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.faults.arena import Arena

_LATEST_S = 1.2


@dataclass(frozen=True)
class Step:
    """Something done to the system at a moment of a round."""

    at_s: float
    """Since the round's beginning."""
    what: str
    do: Callable[[Arena], object]

    def __str__(self) -> str:
        return f"{self.at_s:.2f} s: {self.what}"


Timeline = list[Step]
Fault = Callable[[Random, Arena], Timeline]


def moment(random: Random) -> float:
    """When a fault begins."""
    return random.uniform(0.1, _LATEST_S)
