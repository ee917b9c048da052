"""Who attends by the sockets of this process, and what of it the other processes are to be told. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

from devices.web.live.attendance.rules.messages import Change, Told, in_portions
from devices.web.live.attendance.rules.people import Stay, together
from devices.web.live.attendance.rules.places import kind_of

S = TypeVar("S")  # a socket: hashable


class OwnAttendance(Generic[S]):
    """Stays by place and socket.

    Args:
        process: this process's name among the others.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self.n = 0  # of what was told last
        self._places: dict[str, dict[S, Stay]] = {}
        self._untold: dict[tuple[str, str], None] = {}  # place and person

    def __bool__(self) -> bool:
        return bool(self._places)

    def set(self, place: str, socket: S, stay: Stay) -> bool:
        """Somebody attends a place by a socket, or does something else there. False: that is known."""
        stays = self._places.setdefault(place, {})
        former = stays.get(socket)
        if former == stay:
            return False
        stays[socket] = stay
        for one in (former, stay):
            if one is not None:
                self._untold[place, one.person.id] = None
        return True

    def remove(self, place: str, socket: S) -> bool:
        """A socket attends a place no longer. False: it did not."""
        stays = self._places.get(place, {})
        stay = stays.pop(socket, None)
        if stay is None:
            return False
        if not stays:
            del self._places[place]
        self._untold[place, stay.person.id] = None
        return True

    def stay_of(self, place: str, socket: S) -> Stay | None:
        """What is known of a socket at a place."""
        return self._places.get(place, {}).get(socket)

    def stays(self, place: str) -> Collection[Stay]:
        """All at a place; of a person as many as there are sockets."""
        return self._places.get(place, {}).values()

    def sockets(self, place: str) -> list[tuple[S, Stay]]:
        """The sockets that attend a place."""
        return list(self._places.get(place, {}).items())

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._untold)

    def news(self) -> list[Told]:
        """What is to be told since the last time."""
        places: dict[str, list[str]] = {}
        for place, person in self._untold:
            places.setdefault(place, []).append(person)
        self._untold.clear()
        return self._told(change for place, people in places.items() for change in self._changes(place, people))

    def whole(self) -> list[Told]:
        """All of it, for whoever knows nothing, or has missed something; at least one message. Tell the news first."""
        found = self._told((one for place in self._places for one in self._changes(place, None)), begins=True)
        return found or [self._next([], begins=True)]

    def _told(self, changes: Iterable[Change], *, begins: bool = False) -> list[Told]:
        return [self._next(some, begins=begins and not index) for index, some in enumerate(in_portions(changes))]

    def _next(self, changes: list[Change], *, begins: bool) -> Told:
        self.n += 1
        return Told(self.process, self.n, changes, begins)

    def _changes(self, place: str, people: Iterable[str] | None) -> Iterator[Change]:
        """What is so now of these people at a place; None: of all who are there."""
        found = together(self.stays(place))
        is_device = kind_of(place) == "device"
        for person in found if people is None else people:
            stay = found.get(person)
            yield Change(place, person) if stay is None else _change(place, stay, is_device=is_device)


def _change(place: str, stay: Stay, *, is_device: bool) -> Change:
    person = stay.person
    sites = () if is_device else None if person.sites is None else tuple(sorted(person.sites))
    return Change(place, person.id, person.name, stay.doing, stay.since, sites)
