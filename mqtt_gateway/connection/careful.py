"""Publishing to a broker that may hang up on a publication: the culprit is found and left out, the others go on."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

import structlog

from mqtt_gateway.client.broker import Connection, NeverTaken, Outgoing
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules.suspects import Suspects

log = structlog.get_logger(__name__)

Connect = Callable[[GatewayOptions, Outgoing], Connection]
_HANGS_UP: Final = "the broker hangs up on it (too large, or forbidden): left out"


def careful(connect: Connect, tell: Callable[[str], None]) -> Connect:
    """Connections that remember, together, what the broker hangs up on.

    Args:
        connect: makes them.
        tell: told once of each publication that is left out.
    """
    suspects = Suspects()

    def make(options: GatewayOptions, will: Outgoing) -> Connection:
        connection = connect(options, will)
        own = (options.status_topic, options.marker_topic)
        connection.publish = _Careful(connection, suspects, own, tell).publish  # type: ignore[method-assign]
        return connection

    return make


class _Careful:
    """One connection's publications. Those that have to wait for a suspect are bounded as all are, by the callers."""

    def __init__(
        self, connection: Connection, suspects: Suspects, own: tuple[str, ...], tell: Callable[[str], None]
    ) -> None:
        self._publish, self._lost, self._suspects = connection.publish, connection.lost, suspects
        self._own, self._tell = own, tell
        self._waiting: deque[tuple[Outgoing, asyncio.Future[str]]] = deque()
        self._sizes: dict[Hashable, tuple[str, int]] = {}  # topic and payload's bytes of what is under way
        connection.lost.add_done_callback(self._on_lost)

    def publish(self, message: Outgoing) -> "asyncio.Future[str]":
        """See mqtt_gateway.client.broker.Connection."""
        if not (self._suspects or self._waiting):
            return self._go(message, self._key(message))
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, answer))
        self._next()
        return answer

    def _key(self, message: Outgoing) -> Hashable:
        """What it is to be recognised by on another connection. Our own topics' payloads differ each time."""
        return message.topic if message.topic in self._own else (message.topic, hash(message.payload))

    def _go(self, message: Outgoing, key: Hashable) -> "asyncio.Future[str]":
        if self._suspects.is_set_aside(key):
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            answer.set_result(NeverTaken(_HANGS_UP))
            return answer
        published = self._publish(message)
        if not published.done():
            self._suspects.goes(key)
            self._sizes[key] = (message.topic, len(message.payload))
            published.add_done_callback(partial(self._ended, key))
        elif isinstance(reason := published.result(), NeverTaken):
            self._tell(f"{message.topic}: {reason}")
        return published

    def _ended(self, key: Hashable, _done: "asyncio.Future[str]") -> None:
        """Whatever the answer: if the connection is lost, too, that is what counts."""
        if not self._lost.done():
            self._sizes.pop(key, None)
            self._suspects.ends(key)
            self._next()

    def _next(self) -> None:
        while self._waiting and not self._lost.done():
            message, answer = self._waiting[0]
            key = self._key(message)
            if not answer.done() and not self._suspects.may_go(key):
                return
            self._waiting.popleft()
            if not answer.done():
                self._go(message, key).add_done_callback(partial(_pass_on, answer))

    def _on_lost(self, lost: "asyncio.Future[str]") -> None:
        for key in self._suspects.breaks():
            topic, size = self._sizes[key]
            log.warning("the broker hangs up on a publication: it is left out", topic=topic, payload_bytes=size)
            self._tell(f"{topic}: the broker hangs up on it, {size} bytes")
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_result(lost.result())
        self._waiting.clear()


def _pass_on(to: "asyncio.Future[str]", done: "asyncio.Future[str]") -> None:
    if not to.done():
        to.set_result(done.result())
