"""Carries out what people want to hear: for each a connection of its own, QoS 0, no session, for some minutes.

A stored request says who wants to hear what; a nudge says that there is one. What is heard is stored every second, so
that whoever asked may look from any web process.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn

import structlog

from bridge.gateway_status import AskedListening, HeardNews
from bridge.messages import ListenAsked
from mqtt_gateway.client.broker import ConnectError, Connection, Manner, Outgoing
from mqtt_gateway.connection.careful import Connect
from mqtt_gateway.listening.heard import HeardTopics
from mqtt_gateway.listening.heard_messages import HeardMessages
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process import listenings
from mqtt_gateway.process.lease import Lease
from mqtt_gateway.process.storage import LeaseLostError
from mqtt_gateway.rules.routing import Destination
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

MOST: Final = 4  # at a time: two who look for topics, two who look at a device
_LOOK_S: Final = 10.0
_STORE_S: Final = 1.0
_MOST_A_SECOND: Final = (
    1_000  # messages; then nothing is read for the rest of it, and the broker drops what is too much
)
_HOW: Final = Manner(0, "always", own=True)


class Listeners:
    """Of one gateway process.

    Args:
        options: which broker, as whom.
        connect: makes an unopened connection.
        lease: for the database.
        whose: the gateway's own sorting of topics.
    """

    def __init__(
        self, options: GatewayOptions, connect: Connect, lease: Lease, whose: Callable[[str], Destination]
    ) -> None:
        self._options, self._connect, self._lease, self._whose = options, connect, lease, whose
        self._running: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    async def asked(self, _message: ListenAsked) -> None:
        """A nudge."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Carry out what is asked for, for ever."""
        try:
            while True:
                self._wake.clear()
                with contextlib.suppress(DatabaseUnavailableError, LeaseLostError):
                    await self._begin()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _LOOK_S)
        finally:
            for task in self._running.values():
                task.cancel()

    async def _begin(self) -> None:
        if len(self._running) >= MOST:
            return
        room = MOST - len(self._running)
        for one in await self._lease.run(listenings.take, tuple(self._running), room):
            task = self._running[one.number] = asyncio.ensure_future(self._listen(one))
            task.add_done_callback(partial(self._ended, one.number))

    def _ended(self, number: int, _done: "asyncio.Task[None]") -> None:
        self._running.pop(number, None)
        self._wake.set()

    async def _listen(self, one: AskedListening) -> None:
        """From beginning to end."""
        hearing = _Hearing(one, self._whose)
        own = replace(self._options, client_id=f"causeway-listen-{secrets.token_hex(8)}", clean=True)
        connection = self._connect(own, Outgoing(self._options.marker_topic, b"", qos=0))  # a will that means nothing
        hearing.connection = connection
        try:
            await connection.open(hearing)
            await connection.subscribe(one.filters, _HOW)
            log.info("listening for somebody", filters=len(one.filters), first=one.filters[0], until_ms=one.until_ms)
            while unix_ms() < one.until_ms and not connection.lost.done():
                await self._store(hearing.news("listening"))
                await asyncio.wait((connection.lost,), timeout=_STORE_S)
            lost = connection.lost.result() if connection.lost.done() else ""
            await self._store(hearing.news("ended", lost))
        except ConnectError as error:
            await self._store(hearing.news("refused" if error.refused else "ended", str(error)))
        finally:
            await connection.close()

    async def _store(self, news: HeardNews) -> None:
        """A database that is away misses the last message of some topics, no count."""
        with contextlib.suppress(DatabaseUnavailableError, LeaseLostError):
            await self._lease.run(listenings.record, news)


class _Hearing:
    """What one connection hears. A listener."""

    def __init__(self, asked: AskedListening, whose: Callable[[str], Destination]) -> None:
        self._asked = asked
        self._heard = HeardMessages(whose, asked.source, unix_ms()) if asked.source else HeardTopics(whose)
        self.connection: Connection | None = None
        self._limited = False
        self._second, self._in_second = 0, 0

    def opened(self, *, session_present: bool) -> None:
        """See Listener."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """See Listener."""
        del qos, dup, packet_id
        now_ms = unix_ms()
        self._heard.hear(topic, payload, now_ms, retained=retain)
        if self._second != now_ms // 1000:
            self._second, self._in_second = now_ms // 1000, 0
        self._in_second += 1
        if self._in_second == _MOST_A_SECOND and self.connection is not None:
            self._limited = True
            self.connection.pause()
            asyncio.get_running_loop().call_later(1 - now_ms % 1000 / 1000, self.connection.resume)

    def news(self, status: str, reason: str = "") -> HeardNews:
        """What there is to store."""
        heard, gone = self._heard.take_messages()
        return HeardNews(
            number=self._asked.number,
            status=status,
            reason=reason,
            topics=tuple(self._heard.take()),
            heard=heard,
            gone=gone,
            messages=self._heard.messages,
            more=self._heard.more,
            limited=self._limited,
        )
