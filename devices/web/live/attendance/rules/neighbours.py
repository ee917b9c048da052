"""What the other web processes told of who attends what, and which of them are gone. Pure.

Time is counted in our own beats that came back through the channel layer: whoever is not heard for ``PATIENCE`` of them
in a row is gone. So an outage of the layer, in which nobody is heard, lets nobody go.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from devices.web.live.attendance.rules.messages import Beat, Change, Left, Told
from devices.web.live.attendance.rules.people import Person, Stay

PATIENCE: Final = 5  # beats


class Heard(NamedTuple):
    """What a message changed."""

    places: set[str]  # where others are now
    asks: bool = False  # something was missed: ask the process for the whole


class _Neighbour:
    """One process, as far as it told."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.beats = 0  # of ours since it was heard
        self.places: dict[str, dict[str, Stay]] = {}  # by place and person

    def apply(self, change: Change) -> None:
        people = self.places.setdefault(change.place, {})
        if change.doing is None:
            people.pop(change.person, None)
        else:
            sites = None if change.sites is None else frozenset(change.sites)
            people[change.person] = Stay(Person(change.person, change.name, sites), change.doing, change.since)
        if not people:
            del self.places[change.place]


class Neighbours:
    """The other processes."""

    def __init__(self) -> None:
        self._known: dict[str, _Neighbour] = {}

    def __bool__(self) -> bool:
        """Whether anybody attends anything there."""
        return any(one.places for one in self._known.values())

    def stays(self, place: str) -> Iterator[Stay]:
        """Those at a place: one a person and process."""
        for one in self._known.values():
            yield from one.places.get(place, {}).values()

    def hear(self, message: Told | Beat | Left) -> Heard:
        """Take what another process says."""
        match message:
            case Left():
                return Heard(self._forget(message.process))
            case Beat():
                return self._beats(message)
            case Told():
                return self._told(message)

    def beat(self) -> set[str]:
        """A beat of ours came back. The places of the processes that are gone."""
        places: set[str] = set()
        for process, one in list(self._known.items()):
            one.beats += 1
            if one.beats >= PATIENCE:
                places |= self._forget(process)
        return places

    def _beats(self, beat: Beat) -> Heard:
        known = self._known.get(beat.process)
        if known is None and beat.n == 0:
            return Heard(set())
        if known is not None:
            known.beats = 0
        return Heard(set(), asks=known is None or known.n != beat.n)

    def _told(self, told: Told) -> Heard:
        known = self._known.get(told.process)
        places = {change.place for change in told.changes}
        if known is None or told.n != known.n + 1:
            if not told.begins and not (known is None and told.n == 1):
                return Heard(set(), asks=known is None or told.n > known.n)
            places |= self._forget(told.process)
            known = self._known[told.process] = _Neighbour(told.n)
        known.n, known.beats = told.n, 0
        for change in told.changes:
            known.apply(change)
        return Heard(places)

    def _forget(self, process: str) -> set[str]:
        known = self._known.pop(process, None)
        return set(known.places) if known else set()
