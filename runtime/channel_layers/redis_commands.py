"""Commands to Redis over connections that are shared by all who ask (pipeline.py), one a Redis and event loop.

A connection that Redis has closed meanwhile is noticed at the latest when it is used, and the command repeated once on
a new one.

A Redis that became a replica (a failover that keeps connections) refuses writes, but takes what is published, which
then reaches nobody: so each connection asks it every few seconds whether it still is the master.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from channels_redis.utils import create_pool
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from runtime.channel_layers.pipeline import Command, Pipeline, Repeating, Told, settle

_ASK_EVERY_S: Final = 4.0  # a connection, with its next command
_ANSWER_S: Final = 3.0  # for the answer to a command that Redis carries out at once
_CONNECT_S: Final = 5.0  # for a connection, and the first answer on it
_WAIT_S: Final = 60.0  # for the answer to one that waits; whoever asks knows better
_KEPT: Final = 16  # idle connections for such; beyond, they are closed

CLUSTER: Final = "this is a Redis Cluster, which Causeway can't use: it needs one Redis, or Redis Sentinel"


class DemotedError(LostError):
    """It is no master: what is written or published there is refused, or reaches nobody."""

    def __init__(self) -> None:
        super().__init__("READONLY this Redis is a replica, not the master")


class Script:
    """A Lua script with one key, which each connection makes known to its Redis. It must not harm to run it twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _scripts.append(self)


_scripts: Final[list[Script]] = []


class RedisCommands:
    """Commands to one Redis, for one event loop.

    Args:
        pool: makes the connections.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self.when_demoted: list[Callable[[], Awaitable[None]]] = []  # awaited when it turned out to be a replica by now
        self._shared: Pipeline | None = None
        self._master_s = 0.0  # when its Redis was last asked whether it is the master
        self._connecting = asyncio.Lock()
        self._idle: list[Pipeline] = []  # for commands that wait: one at a time on each
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------------------- commands that are done at once

    def post(self, command: Command, told: Told, unknown: Command | None = None) -> None:
        """Send a command, behind all those before it. At least once, if there is an answer.

        Args:
            command: as Redis has it.
            told: called with its answer, or with the exception in its place: Redis refused it, or nobody knows what
                became of it.
            unknown: the command in its place, where Redis does not know this one's script.
        """
        pipeline = self._shared
        if pipeline is None or not pipeline.is_open or self._tasks:  # nothing overtakes what waits for a connection
            self._begin(self._carry(command, told, unknown))
            return
        self._ask_for_master(pipeline)
        pipeline.ask(command, lambda answer: self._answered(answer, command, told, unknown))

    async def call(self, *command: str | bytes | float, unknown: Command | None = None) -> Any:
        """Redis's answer to a command.

        Raises:
            redis.exceptions.RedisError, OSError: as :meth:`post` tells.
        """
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.post(command, lambda answer: settle(outcome, answer), unknown)
        try:
            return await outcome
        except asyncio.CancelledError:
            self._drop("an answer is late")
            raise

    def _answered(self, answer: Any, command: Command, told: Told, unknown: Command | None) -> None:
        if isinstance(answer, ReadOnlyError):
            self._demote()
        if isinstance(answer, LostError | ReadOnlyError):  # perhaps long ago: something between us forgot it
            self._begin(self._carry(command, told, unknown))
        elif isinstance(answer, NoScriptError) and unknown is not None:  # a Redis that has just been started
            self.post(unknown, told)
        else:
            told(answer)

    async def _carry(self, command: Command, told: Told, unknown: Command | None) -> None:
        """Send it on a new connection, if nobody has made one meanwhile."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                answer = await (await self._connected()).answer(*command)
        except NoScriptError as error:
            told(error) if unknown is None else self.post(unknown, told)
        except ReadOnlyError:
            self._drop("a replica")
            told(DemotedError())
        except Exception as error:  # noqa: BLE001  whoever waits gets it
            told(error)
        else:
            told(answer)

    async def _connected(self) -> Pipeline:
        async with self._connecting:
            if self._shared is None or not self._shared.is_open:
                pipeline = await self._new(_ANSWER_S)
                for script in _scripts:
                    with contextlib.suppress(ResponseError):  # not allowed to: then it is sent with its text
                        await pipeline.answer("SCRIPT", "LOAD", script.text)
                self._shared, self._master_s = pipeline, asyncio.get_running_loop().time()
            return self._shared

    async def _new(self, limit_s: float) -> Pipeline:
        """A connection to the master.

        Raises:
            DemotedError: it is a replica.
            ResponseError: it is a cluster.
            redis.exceptions.RedisError, OSError: there is none.
        """
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()  # it asks a Sentinel first, where there is one
        pipeline = Pipeline(connection, limit_s)
        try:
            said = properties(await pipeline.answer("HELLO"))
        except ResponseError:  # Redis 5 doesn't know HELLO: it says nothing about itself
            return pipeline
        except BaseException:
            pipeline.close()
            raise
        if problem := _problem(said):
            pipeline.close()
            raise problem
        return pipeline

    def _ask_for_master(self, pipeline: Pipeline) -> None:
        """Now and then, together with the next command."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._master_s >= _ASK_EVERY_S:
            self._master_s = now_s
            pipeline.ask(("HELLO",), self._said_hello)

    def _said_hello(self, answer: Any) -> None:
        if not isinstance(answer, Exception) and isinstance(_problem(properties(answer)), DemotedError):
            self._demote()

    def _demote(self) -> None:
        """Whatever leads there is of no use any more; elsewhere there may be a master."""
        self._drop("a replica")
        for demoted in self.when_demoted:
            self._begin(demoted())

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------------------------------ commands that wait

    async def wait(self, *command: str | bytes | float) -> Any:
        """Redis's answer to a command that waits, on a connection of its own; waits for it however long.

        Raises:
            redis.exceptions.RedisError, OSError: Redis refused it, or nobody knows what became of it.
        """
        while self._idle:
            if (pipeline := self._idle.pop()).is_open:
                with contextlib.suppress(LostError):  # perhaps long ago
                    return await self._waited(pipeline, command)
                break
        return await self._waited(await self._new(_WAIT_S), command)

    async def _waited(self, pipeline: Pipeline, command: Command) -> Any:
        try:
            answer = await pipeline.answer(*command)
        except ReadOnlyError:
            pipeline.close()
            raise DemotedError from None
        except ResponseError:
            self._keep(pipeline)
            raise
        except BaseException:  # an answer that comes later must not be taken for another command's
            pipeline.close()
            raise
        self._keep(pipeline)
        return answer

    def _keep(self, pipeline: Pipeline) -> None:
        if len(self._idle) < _KEPT:
            self._idle.append(pipeline)
        else:
            pipeline.close()

    async def listen(self, command: Command, limit_s: float, told: Told, begun: Callable[[], None]) -> None:
        """Repeat a command that waits, until cancelled. Redis is given several, and carries out one after the other.

        Args:
            command: as Redis has it.
            limit_s: when an answer counts as late.
            told: called with each answer.
            begun: called when there is a connection.

        Raises:
            redis.exceptions.RedisError, OSError: Redis refused it, or the connection is lost.
            Exception: whatever ``told`` raised.
        """
        async with asyncio.timeout(_CONNECT_S):
            pipeline = await self._new(limit_s)
        begun()
        repeating = Repeating(pipeline, command, told)
        try:
            await repeating.failed
        finally:
            pipeline.close()

    # ----------------------------------------------------------------------------------------------------- the end

    async def close(self) -> None:
        """Close the connections that nobody listens on; others are made when there is something to send."""
        self._drop("closed")
        while self._idle:
            self._idle.pop().close()
        await leave_sentinels(self._pool)

    def _drop(self, reason: str) -> None:
        pipeline, self._shared = self._shared, None
        if pipeline is not None:
            pipeline.close(reason)


_of_loops: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, RedisCommands]]] = WeakKeyDictionary()


def commands_to(host: dict[str, Any]) -> RedisCommands:
    """Those to a Redis, for the running event loop: the same for whoever asks.

    Args:
        host: as channels_redis has it in its settings.
    """
    of_loop = _of_loops.setdefault(asyncio.get_running_loop(), {})
    key = repr(sorted(host.items(), key=str))
    if key not in of_loop:
        of_loop[key] = RedisCommands(create_pool(host))
    return of_loop[key]


async def leave_sentinels(pool: ConnectionPool) -> None:
    """Close the connections over which a pool asks for its master, if it is one that asks."""
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _problem(hello: Mapping[str, str]) -> Exception | None:
    """Why a Redis that says this of itself can't be used."""
    if hello.get("mode") == "cluster":
        return ResponseError(CLUSTER)
    return DemotedError() if hello.get("role") in ("replica", "slave") else None


def properties(hello: Any) -> dict[str, str]:
    """What Redis answered to HELLO: mode, role, version, … as text."""
    pairs = hello.items() if isinstance(hello, dict) else zip(hello[::2], hello[1::2], strict=False)
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
