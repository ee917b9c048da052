"""Who is shown to whom, and how. Pure."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec
from msgspec import UNSET, Struct, structs

from devices.web.live.stream.people_frames import AttendingPerson
from devices.web.live.stream.rendering import Body

Doing = Literal["viewing", "editing", "commanding"]
DOINGS: Final[tuple[Doing, ...]] = get_args(Doing)  # the weakest first
_STRENGTH: Final = {doing: strength for strength, doing in enumerate(DOINGS)}
MOST_SHOWN: Final = 100  # people in a frame
MOST_SITES: Final = 500  # of a person; common sites are looked for among these
MOST_NAME_CHARS: Final = 254

_encode: Final = msgspec.json.Encoder().encode


class Person(Struct, frozen=True):
    """Somebody who may attend. ``sites`` are those that they see; None: all."""

    id: str
    name: str
    sites: frozenset[str] | None = None

    def has_site_in_common(self, other: "Person") -> bool:
        """Whether both see some site."""
        if self.sites is None or other.sites is None:
            return True
        return not self.sites.isdisjoint(other.sites)


class Stay(Struct, frozen=True):
    """That somebody attends a place: what they do there, and since when (Unix ms) they are there."""

    person: Person
    doing: Doing
    since: int

    def and_also(self, other: "Stay") -> "Stay":
        """The same person's at the same place elsewhere, as one: the strongest doing, the earliest since."""
        doing = max(self.doing, other.doing, key=_STRENGTH.__getitem__)
        return structs.replace(self, doing=doing, since=min(self.since, other.since))


def person_of(user_id: object, name: str, sites: Iterable[str] | None) -> Person:
    """A person, within bounds. ``sites`` None: sees all."""
    kept = None if sites is None else frozenset(sorted(sites)[:MOST_SITES])
    return Person(str(user_id), name[:MOST_NAME_CHARS], kept)


def together(stays: Iterable[Stay]) -> dict[str, Stay]:
    """One stay a person, by their id."""
    found: dict[str, Stay] = {}
    for stay in stays:
        known = found.get(stay.person.id)
        found[stay.person.id] = stay if known is None else known.and_also(stay)
    return found


def shown_to(viewer: Person, stays: Iterable[Stay], *, is_device: bool) -> list[Stay]:
    """Who is shown to somebody at the same place: at a device all, elsewhere whoever has a site in common.

    The strongest doing first, then whoever came first.
    """
    seen = [one for one in stays if is_device or viewer.has_site_in_common(one.person)]
    return sorted(seen, key=lambda one: (-_STRENGTH[one.doing], one.since, one.person.name, one.person.id))


def body_of(shown: list[Stay]) -> Body:
    """A ``people`` frame but for its number and its place, which stands where a stream's ``sub`` does."""
    people = [AttendingPerson(one.person.name, one.doing, one.since) for one in shown[:MOST_SHOWN]]
    count = len(shown) if len(shown) > MOST_SHOWN else UNSET
    after = b',"people":' + _encode(people) + (b"" if count is UNSET else b',"count":%d' % count) + b"}"
    return Body(b'"type":"people","place":', after)
