"""One connection to Redis that carries many commands at once: each is written when it is asked, answers come in order.

Under redis-py's client, and under its connections alone, each command is a conversation of its own: a connection from
a pool, a task that waits, a time limit. Here what is asked in one turn of the event loop leaves in one write, and its
answers wake the process once. redis-py connects (TLS, passwords, Sentinel, Unix sockets); what is said after that
passes it by.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LostError

Command = tuple[str | bytes | int | float, ...]
Told = Callable[[Any], None]
"""Called once with Redis's answer, or with the exception that took its place; must not raise."""

_KINDS: Final[dict[str, type[RedisError]]] = {  # by the code before the sentence; of others it stays there
    "ERR": ResponseError,
    "LOADING": BusyLoadingError,
    "NOPERM": NoPermissionError,
    "NOSCRIPT": NoScriptError,
    "OOM": OutOfMemoryError,
    "READONLY": ReadOnlyError,
}
_NOTHING: Final = object()
_AHEAD: Final = 8  # waiting commands that Redis is given at once; the next ones when few are left
_FEW: Final = 2


class Pipeline(asyncio.Protocol):
    """A connection in use, until it is lost or closed.

    Args:
        connection: connected; nothing is under way on it.
        limit_s: without an answer for so long, while one is due, it counts as lost.
    """

    def __init__(self, connection: AbstractConnection, limit_s: float) -> None:
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        streams: Any = (connection._reader, connection._writer)
        self._streams = streams  # of no use any more, but they close what they lose
        connection._reader, connection._writer = None, None  # so that redis-py has nothing to close, or to complain of
        self._transport: Any = streams[1].transport
        self._former = self._transport.get_protocol()
        self._answers = hiredis.Reader(replyError=_refusal, notEnoughData=_NOTHING)
        self._told: deque[Told] = deque()  # bounded: every caller asks, and waits, for a few
        self._heard_s = 0.0  # when the last answer came, or the first one became due
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = not self._transport.is_closing()
        self._transport.set_protocol(self)

    def ask(self, command: Command, told: Told) -> None:
        """Send a command."""
        if not self.is_open:
            told(LostError("the connection to Redis is closed"))
            return
        if not self._told:
            self._heard_s = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(self._limit_s, self._look)
        self._told.append(told)
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # it says: of one

    async def answer(self, *command: str | bytes | float) -> Any:
        """Redis's answer to a command.

        Raises:
            redis.exceptions.RedisError: Redis refused it, or the connection is lost.
        """
        outcome: asyncio.Future[Any] = self._loop.create_future()
        self.ask(command, lambda answer: settle(outcome, answer))
        return await outcome

    def close(self, reason: str = "closed") -> None:
        """Close it; whoever waits is told that it is lost. Safe to repeat.

        Redis is to know before it hears of anything that is sent after that: else it gives us what we no longer take.
        """
        if self.is_open:
            _hang_up(self._transport)
        self._end(LostError(reason))
        self._transport.abort()

    # ------------------------------------------------------------------------------------ asyncio's side

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._heard_s = self._loop.time()
        try:
            self._answers.feed(data)
            while self._told and (answer := self._answers.gets()) is not _NOTHING:
                self._told.popleft()(answer)
        except hiredis.HiredisError as error:
            self.close(f"Redis does not keep to its protocol: {error}")
        if not self._told and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol. redis-py's part of the connection hears of it, too."""
        self._end(LostError(str(error or "Redis closed the connection")))
        self._former.connection_lost(error)

    # ------------------------------------------------------------------------------------------- inside

    def _look(self) -> None:
        """An answer may be late."""
        self._watch = None
        left_s = self._heard_s + self._limit_s - self._loop.time()
        if left_s <= 0:
            self.close(f"no answer from Redis within {self._limit_s:g} s")
        else:
            self._watch = self._loop.call_later(left_s, self._look)

    def _end(self, error: LostError) -> None:
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._told:
            self._told.popleft()(error)


class Repeating:
    """A command that waits, repeated on a connection of its own until that fails.

    Redis carries out one after the other without having to be asked again: what comes alone wakes it once less.
    """

    def __init__(self, pipeline: Pipeline, command: Command, told: Told) -> None:
        self._pipeline, self._command, self._told = pipeline, command, told
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = 0
        self._ask()

    def _ask(self) -> None:
        while self._left < _AHEAD and self._pipeline.is_open:
            self._left += 1
            self._pipeline.ask(self._command, self._answered)

    def _answered(self, answer: Any) -> None:
        self._left -= 1
        if isinstance(answer, Exception):
            settle(self.failed, answer)
            return
        try:
            self._told(answer)
        except Exception as error:  # noqa: BLE001  whoever listens gets it
            settle(self.failed, error)
        else:
            if self._left <= _FEW:
                self._ask()


def _hang_up(transport: Any) -> None:
    """At once; the event loop closes sockets in its next turn."""
    known = transport.get_extra_info("socket")
    with contextlib.suppress(OSError), socket.fromfd(known.fileno(), known.family, known.type) as same:
        same.shutdown(socket.SHUT_RDWR)


def settle(outcome: "asyncio.Future[Any]", answer: Any) -> None:
    """Give an answer, or the exception in its place, to whoever waits for it, if anybody does."""
    if outcome.done():
        return
    if isinstance(answer, Exception):
        outcome.set_exception(answer)
    else:
        outcome.set_result(answer)


def _refusal(text: str) -> RedisError:
    """Redis's error as redis-py has it."""
    code, _, sentence = text.partition(" ")
    return _KINDS[code](sentence) if code in _KINDS else ResponseError(text)
