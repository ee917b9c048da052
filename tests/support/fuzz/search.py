"""The search: random payloads, then changes of those that came to most. By a seed, the same each time."""

import random
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tests.support.fuzz.shapes import Genes, mutated, random_genes, render
from tests.support.fuzz.targets import Came, Target, known
from tests.support.worlds.ingest_worker import Worker

_POOL = 6  # of the worst, for each target
_FRESH = 0.6  # how often the device has had nothing before


class Found(Struct, frozen=True):
    """One payload and what it came to."""

    target: str
    genes: Genes
    came: Came
    fresh: bool

    @property
    def part(self) -> float:
        """How near it comes to a bound; over 1: beyond."""
        return self.came.part

    def __str__(self) -> str:
        came = self.came
        return (
            f"{self.target}{'' if self.fresh else ' (a device with a past)'}: {came.sent} bytes sent, {came.kept} kept "
            f"({came.readings} readings), {came.cpu_s * 1000:.0f} ms CPU: {self.part:.2f} of a bound; {self.genes}"
        )


def search(worker: Worker, targets: Sequence[Target], rounds: int, seed: int) -> Iterator[Found]:
    """So many payloads, each at the next target."""
    rng = random.Random(seed)
    pools: dict[str, list[Found]] = {target.name: [] for target in targets}
    for number in range(rounds):
        target = targets[number % len(targets)]
        pool = pools[target.name]
        genes = mutated(rng.choice(pool).genes, rng) if pool and rng.random() < 0.5 else random_genes(rng)
        fresh = rng.random() < _FRESH
        key = f"demo/fuzz-{number}" if fresh else f"demo/old-{number % len(targets)}"
        found = Found(target.name, genes, target(known(worker, key), render(genes)), fresh)
        pools[target.name] = sorted([*pool, found], key=lambda one: -one.part)[:_POOL]
        yield found
