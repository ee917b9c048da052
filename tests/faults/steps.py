"""What a fault is made of: a timeline of steps, drawn from a random generator."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.faults.arena import Arena

PAUSE_S = 10
_LATEST_S = 1.2
_DOWN_S = 3.0


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


def down_s(random: Random) -> float:
    """How long something is away."""
    return random.uniform(0.0, _DOWN_S)


def started(name: str, at_s: float) -> Step:
    """Started again."""
    return Step(at_s, f"start {name}", lambda arena: arena.start(name))


def sigkill(name: str, at_s: float) -> Step:
    """SIGKILL."""
    return Step(at_s, f"SIGKILL {name}", lambda arena: arena.kill(name))


def once(name: str, pattern: str, step: Step) -> Step:
    """`step` not before a line of that process's log matches."""

    def do(arena: Arena) -> None:
        arena.process(name).wait_for_line(pattern, 60)
        step.do(arena)

    return Step(step.at_s, step.what, do)


def sigterm(name: str, at_s: float) -> Step:
    """SIGTERM."""
    return Step(at_s, f"SIGTERM {name}", lambda arena: arena.stop(name))


def outage(random: Random, names: list[str], end: Callable[[str, float], Step]) -> Timeline:
    """All ended at one moment, each started again when its own time has come."""
    at_s = moment(random)
    return [step for name in names for step in (end(name, at_s), started(name, at_s + down_s(random)))]
