"""Commands to Redis straight over redis-py's connections.

Its client takes a connection from a pool, looks whether it is still good, and wraps each command into retries: five
times the CPU of the command itself (60 µs of 75, measured with PING). Here a connection that Redis has closed meanwhile
is noticed when it is used, and the command repeated once on a new one.

A Redis that became a replica (a failover that keeps connections) refuses writes, but takes what is published, which
then reaches nobody: so each connection asks it every few seconds whether it still is the master.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

_KEPT: Final = 16  # idle connections; beyond, they are closed
_ASK_EVERY_S: Final = 4.0  # a connection, before its next command
_CALL_S: Final = 5.0  # for that answer

CLUSTER: Final = "this is a Redis Cluster, which Causeway can't use: it needs one Redis, or Redis Sentinel"


class DemotedError(LostError):
    """It is no master: what is written or published there is refused, or reaches nobody."""

    def __init__(self) -> None:
        super().__init__("READONLY this Redis is a replica, not the master")


class Script:
    """A Lua script with one key. It must not harm to run it twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisCommands:
    """Commands to one Redis, for one event loop. A connection carries one at a time; idle ones are kept.

    Args:
        pool: makes the connections.
        demoted: awaited when a kept connection turned out to lead to a replica by now.
    """

    def __init__(self, pool: ConnectionPool, demoted: Callable[[], Awaitable[None]] | None = None) -> None:
        self._pool, self._demoted = pool, demoted
        self._idle: list[tuple[AbstractConnection, float]] = []  # and when its Redis last said that it is the master

    async def run(self, script: Script, key: str, *arguments: str | bytes | float) -> Any:
        """Run a script; as :meth:`call`."""
        try:
            return await self.call("EVALSHA", script.sha, 1, key, *arguments)
        except NoScriptError:  # a Redis that has just been started
            return await self.call("EVAL", script.text, 1, key, *arguments)

    async def call(self, *command: str | bytes | float) -> Any:
        """Redis's answer to a command; waits for it however long. At least once, if it returns.

        Raises:
            redis.exceptions.RedisError, OSError: Redis refused the command, or nobody knows what became of it.
        """
        if self._idle:
            try:
                return await self._carry(*self._idle.pop(), command)
            except DemotedError:  # whatever leads there is of no use any more; elsewhere there may be a master
                await self._close_idle()
                if self._demoted is not None:
                    await self._demoted()
            except LostError:  # perhaps long ago: Redis was started anew, or something between us forgot it
                pass
        new: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        await new.connect()  # type: ignore[no-untyped-call]  # it asks a Sentinel first, where there is one
        return await self._carry(new, -_ASK_EVERY_S, command)

    async def _carry(self, connection: AbstractConnection, asked_s: float, command: tuple[Any, ...]) -> Any:
        try:
            if time.monotonic() - asked_s >= _ASK_EVERY_S:
                asked_s = await _require_master(connection)
            answer = await _ask(connection, command)
        except ReadOnlyError:
            await connection.disconnect(nowait=True)
            raise DemotedError from None
        except ResponseError:
            await self._keep(connection, asked_s)
            raise
        except BaseException:  # an answer that comes later must not be taken for another command's
            await connection.disconnect(nowait=True)
            raise
        await self._keep(connection, asked_s)
        return answer

    async def _keep(self, connection: AbstractConnection, asked_s: float) -> None:
        if len(self._idle) < _KEPT:
            self._idle.append((connection, asked_s))
        else:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close the idle ones. Those in use are closed when what uses them is cancelled."""
        await self._close_idle()
        await leave_sentinels(self._pool)

    async def _close_idle(self) -> None:
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.disconnect()


async def leave_sentinels(pool: ConnectionPool) -> None:
    """Close the connections over which a pool asks for its master, if it is one that asks."""
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


async def _ask(connection: AbstractConnection, command: tuple[Any, ...]) -> Any:
    await connection.send_packed_command(connection.pack_command(*command), check_health=False)
    return await connection.read_response()


async def _require_master(connection: AbstractConnection) -> float:
    """Return when it was asked.

    Raises:
        DemotedError: it is a replica.
        ResponseError: it is a cluster.
    """
    asked_s = time.monotonic()
    await connection.send_packed_command(connection.pack_command("HELLO"), check_health=False)
    try:
        said = properties(await connection.read_response(timeout=_CALL_S))
    except ResponseError:  # Redis 5 doesn't know HELLO: it says nothing about itself
        return asked_s
    if said.get("mode") == "cluster":
        raise ResponseError(CLUSTER)
    if said.get("role") in ("replica", "slave"):
        raise DemotedError
    return asked_s


def properties(hello: Any) -> dict[str, str]:
    """What Redis answered to HELLO: mode, role, version, … as text."""
    pairs = hello.items() if isinstance(hello, dict) else zip(hello[::2], hello[1::2], strict=False)
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
