"""Clocks that are set while their machines run: one process's is faked (libfaketime), none is really set."""

import time
from random import Random
from typing import Final

from tests.faults.arena import Arena
from tests.faults.steps import Step, Timeline, moment

_JUMPS: Final = ("+1d", "-1d", "+10m", "-10m", f"-{int(time.time() / 86_400) - 1}d")  # the last one: to 1970
_TOLD_S: Final = 20


def jump(random: Random, arena: Arena) -> Timeline:
    """The clock of the gateway, of a worker or of the web process is set, and set right some seconds later."""
    name, to, at_s = random.choice(sorted(arena.clocks)), random.choice(_JUMPS), moment(random)
    clock = arena.clocks[name]
    return [
        Step(at_s, f"set the clock of {name}: {to}", lambda _: clock.set(to)),
        Step(
            at_s + random.uniform(3, 8),
            f"it is told; the clock of {name} is right again",
            lambda _: _right(arena, name),
        ),
    ]


def _right(arena: Arena, name: str) -> None:
    def told() -> bool:
        return any(one["kind"] == "clock_off" for one in arena.get("/ops")["incidents"])

    try:
        arena.wait(told, _TOLD_S, "an incident says that the clock is off")
    except AssertionError as error:
        arena.complaints.append(f"{name}: {error}")
    arena.clocks[name].set("+0")
