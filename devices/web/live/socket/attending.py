"""What places a socket's user attends, and who else is there: frames ``attend``, ``leave`` and ``people``.

A board is no person: it attends nothing, and is shown nobody (it hangs where anybody may pass by).
"""

from typing import Final

from devices.requests.refusals import BadRequestError, ForbiddenError, NotFoundError, RateLimitedError
from devices.web.auth import Access
from devices.web.live.attendance.exchange import AttendanceExchange
from devices.web.live.attendance.rules.people import Doing, Person, body_of, person_of
from devices.web.live.attendance.rules.places import PLACES, kind_of
from devices.web.live.queries.replay import list_existing
from devices.web.live.socket.frame_writer import FrameWriter
from devices.web.live.stream.rendering import Body
from runtime.database import DatabaseReaders

MAX_PLACES: Final = 16


class Attending:
    """The places of one socket; for the exchange, a :class:`devices.web.live.attendance.exchange.Attendant`.

    Args:
        access: the user's rights.
        writer: takes the frames.
        exchange: knows who else is there.
        database: answers whether a device exists.
    """

    def __init__(
        self, access: Access, writer: FrameWriter, exchange: AttendanceExchange, database: DatabaseReaders
    ) -> None:
        self.person = _person(access)
        self._access = access
        self._writer = writer
        self._exchange = exchange
        self._database = database
        self._places: dict[str, None] = {}

    async def attend(self, place: str, doing: Doing) -> None:
        """Be at a place, or do something else there. People are shown a moment later.

        Raises:
            BadRequestError: it is no place.
            ForbiddenError: a board asks.
            NotFoundError: there is no such device, as far as the user may see.
            RateLimitedError: the socket attends as many as it may.
        """
        if self._access.board is not None:
            raise ForbiddenError("a board is no person: it attends nothing, and is shown nobody")
        await self._check(place)
        if place not in self._places and len(self._places) >= MAX_PLACES:
            raise RateLimitedError(f"at most {MAX_PLACES} places a connection; leave one first")
        self._places[place] = None
        self._exchange.attend(self, place, doing)

    async def _check(self, place: str) -> None:
        kind = kind_of(place)
        if kind is None:
            raise BadRequestError(PLACES)
        if kind == "device" and place not in self._places:
            self._access.require("devices.read", place)
            if not await self._database.run_once(list_existing, (place,)):
                raise NotFoundError(f"there is no device {place}")
            self._access.require("devices.read", place)  # rights may have changed meanwhile

    def leave(self, place: str) -> None:
        """Be there no longer.

        Raises:
            BadRequestError: it is no place.
            NotFoundError: the socket does not attend it.
        """
        if kind_of(place) is None:
            raise BadRequestError(PLACES)
        if place not in self._places:
            raise NotFoundError(f"you do not attend {place}")
        self._leave(place)

    def leave_all(self) -> None:
        """The socket is closed. Safe to repeat."""
        for place in list(self._places):
            self._leave(place)

    def renew(self, access: Access) -> None:
        """Leave what is visible no more; the client is shown nobody there. Others see the user as they are now."""
        self._access, self.person = access, _person(access)
        for place in list(self._places):
            if not _sees(access, place):
                self._leave(place)
                self._writer.push_people(place, body_of([]))
        self._exchange.renew(self, self._places)

    def _leave(self, place: str) -> None:
        del self._places[place]
        self._exchange.leave(self, place)

    def show_people(self, place: str, body: Body) -> bool:
        """See :class:`devices.web.live.attendance.exchange.Attendant`."""
        if not self._writer.credit.fits(body.size + len(place)):
            return False
        self._writer.push_people(place, body)
        return True


def _sees(access: Access, place: str) -> bool:
    return access.sees(place.partition("/")[0]) if kind_of(place) == "device" else access.sees_any


def _person(access: Access) -> Person:
    return person_of(access.user_id, access.username, None if access.sees_all else access.sites)
