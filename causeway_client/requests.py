"""Requests with a reply: ids, time limits, and what becomes of them when the connection breaks."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from .changes import Frame
from .errors import ClientError, RequestError
from .line import Line

MOST_WAITING: Final = 1_000


@dataclass(slots=True)
class _Waiting:
    frame: Frame
    repeat: bool  # safe to ask again after a reconnect
    reply: "asyncio.Future[Frame]"
    sent: bool = False


class Requests:
    """Of one client. At most 1,000 wait at once; more are refused.

    Args:
        line: the connection.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting: dict[str, _Waiting] = {}

    async def ask(self, fields: Frame, timeout_s: float, *, repeat: bool) -> Frame:
        """Send a request, as soon as there is a connection; its ``ok`` frame.

        Raises:
            RequestError: refused, not answered within ``timeout_s``, or the connection broke (and not ``repeat``).
            ClientError: what ended the client.
            TypeError, ValueError: it is no JSON; the message begins with the place.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise RequestError("unavailable", "too many requests wait already")
        request_id = self._line.next_id()
        waiting = _Waiting({**fields, "id": request_id}, repeat, asyncio.get_running_loop().create_future())
        waiting.sent = self._line.send(waiting.frame)
        self._waiting[request_id] = waiting
        try:
            async with asyncio.timeout(timeout_s):
                return await waiting.reply
        except TimeoutError:
            raise _too_late(waiting, timeout_s) from None
        finally:
            del self._waiting[request_id]

    def settle(self, reply: Frame) -> None:
        """A reply has come; one that nobody waits for is left."""
        waiting = self._waiting.get(str(reply.get("id")))
        if waiting is None or waiting.reply.done():
            return
        if reply["type"] == "ok":
            waiting.reply.set_result(reply)
        else:
            waiting.reply.set_exception(refusal(reply))

    def opened(self) -> None:
        """There is a connection: ask what was not asked yet, and again what may be asked again."""
        for waiting in self._waiting.values():
            waiting.sent = self._line.send(waiting.frame)

    def lost(self, why: str, *, too_large: bool = False) -> None:
        """The connection broke: give up on what may not be asked again, or is what broke it."""
        sent = [waiting for waiting in self._waiting.values() if waiting.sent]
        if too_large:
            self._fail(RequestError("too_large", why), sent)
        else:
            broke = RequestError("disconnected", f"the connection broke before the server answered: {why}")
            self._fail(broke, [waiting for waiting in sent if not waiting.repeat])

    def end(self, failure: ClientError) -> None:
        """There will be no connection any more."""
        self._fail(failure, list(self._waiting.values()))

    @staticmethod
    def _fail(failure: ClientError, those: list[_Waiting]) -> None:
        for waiting in those:
            if not waiting.reply.done():
                waiting.reply.set_exception(failure)


def _too_late(waiting: _Waiting, timeout_s: float) -> RequestError:
    if not waiting.sent:
        return RequestError("unavailable", f"no connection within {timeout_s:g} s; it was not asked")
    return RequestError("timeout", f"no answer within {timeout_s:g} s")


def refusal(reply: dict[str, Any]) -> RequestError:
    """An ``error`` frame as an exception."""
    return RequestError(str(reply.get("code")), str(reply.get("message")))
