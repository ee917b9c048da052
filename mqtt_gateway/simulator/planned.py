"""What a simulated client does later: actions with their times, in order."""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from mqtt_gateway.simulator.client import Action

Planned = Callable[[], Iterable[Action]]


class Plan:
    """Things to do, the earliest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Planned]] = []
        self._count = 0

    def at(self, at_s: float, what: Planned) -> None:
        """Do this then (Unix seconds)."""
        self._count += 1
        heappush(self._heap, (at_s, self._count, what))

    @property
    def due_s(self) -> float:
        """When the next is due; never: infinite."""
        return self._heap[0][0] if self._heap else float("inf")

    def take(self, now_s: float) -> list[Action]:
        """Do all that is due."""
        actions: list[Action] = []
        while self._heap and self._heap[0][0] <= now_s:
            actions += heappop(self._heap)[2]()
        return actions

    def clear(self) -> None:
        """Forget all of it."""
        self._heap.clear()
