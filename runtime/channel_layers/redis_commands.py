"""Commands to Redis straight over redis-py's connections.

Its client takes a connection from a pool, looks whether it is still good, and wraps each command into retries: five
times the CPU of the command itself (60 µs of 75, measured with PING). Here a connection that Redis has closed meanwhile
is noticed when it is used, and the command repeated once on a new one.
"""

import hashlib
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoScriptError, ResponseError

_KEPT: Final = 16  # idle connections; beyond, they are closed


class Script:
    """A Lua script with one key. It must not harm to run it twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisCommands:
    """Commands to one Redis, for one event loop. A connection carries one at a time; idle ones are kept.

    Args:
        pool: makes the connections.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._idle: list[AbstractConnection] = []

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
                return await self._carry(self._idle.pop(), command)
            except LostError:  # perhaps long ago: Redis was started anew, or something between us forgot it
                pass
        new: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return await self._carry(new, command)

    async def _carry(self, connection: AbstractConnection, command: tuple[str | bytes | float, ...]) -> Any:
        try:
            await connection.send_packed_command(connection.pack_command(*command), check_health=False)
            answer = await connection.read_response()
        except ResponseError:
            await self._keep(connection)
            raise
        except BaseException:  # an answer that comes later must not be taken for another command's
            await connection.disconnect(nowait=True)
            raise
        await self._keep(connection)
        return answer

    async def _keep(self, connection: AbstractConnection) -> None:
        if len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close the idle ones. Those in use are closed when what uses them is cancelled."""
        while self._idle:
            await self._idle.pop().disconnect()
