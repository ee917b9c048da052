"""The arenas of a run: one for all faults that leave their servers as they were, a new one for each of the others."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.arena import PER_S, SHARED, Arena, Database, arena
from tests.faults.faults import world_of
from tests.faults.grounds import World
from tests.faults.rounds import Result, run_round
from tests.support.worlds.system import Factory

_BURST = 12_000
_BURST_S = 120


class Arenas:
    """Makes rounds. An arena in which something went wrong is replaced; close it at the end.

    Args:
        make: makes the systems.
        database: theirs.
        per_s: messages a second; None: half of what the plain arena sustains, measured once.
    """

    def __init__(self, make: Factory, database: Database, per_s: int | None = PER_S) -> None:
        self._make, self._database = make, database
        self._open = contextlib.ExitStack()
        self._shared: tuple[World, Arena] | None = None
        self.per_s = per_s

    def round(self, number: int, seed: str, fault: str, kept: Path) -> Result:
        """One round with a fault. If anything was wrong, everybody's logs are copied to `kept`."""
        with self._arena_for(fault) as here:
            result = run_round(here, number, seed, fault)
            if result.findings.violations:
                here.keep_logs(kept)
                result.findings.notes += [here.tails(), f"logs are in {kept}"]
                self.close()
        return result

    @contextlib.contextmanager
    def _arena_for(self, fault: str) -> Iterator[Arena]:
        world = world_of(fault, self._database)
        if self.per_s is None:
            self.plain()
        if world in SHARED:
            yield self._open_shared(world)
            return
        self.close()  # both would hear one broker's devices, and the two loads have one client id
        with arena(self._make, self._database, world, per_s=self.per_s or PER_S) as here:
            yield here

    def plain(self) -> Arena:
        """The plain one; opens it if need be."""
        return self._open_shared("plain")

    def _open_shared(self, world: World) -> Arena:
        """The one of a world that faults leave as it was; opens it if need be."""
        if self._shared is not None and self._shared[0] == world:
            return self._shared[1]
        self.close()
        made = self._open.enter_context(arena(self._make, self._database, world, per_s=self.per_s or PER_S))
        if self.per_s is None:
            self.per_s = sustained_per_s(made) // 2
        made.load.per_s = self.per_s
        self._shared = world, made
        return made

    def close(self) -> None:
        """End what is open."""
        self._shared = None
        self._open.close()


def sustained_per_s(here: Arena) -> int:
    """How many messages a second get from the devices through the database to the browser: of a burst of 12,000."""
    load, began_s = here.load, time.monotonic()
    usual, load.per_s, target = load.per_s, 1_000_000, load.messages + _BURST
    load.resume()
    here.wait(lambda: load.messages >= target, _BURST_S, "the burst is sent")
    load.pause(_BURST_S)
    sent, ends = load.messages - target + _BURST, load.ends()
    here.wait(lambda: not here.recorder.behind(ends), _BURST_S, "the burst is shown")
    took_s = time.monotonic() - began_s
    load.per_s = usual
    return int(sent / took_s)
