"""Django's database from asyncio: on daemon threads of our own, limited in time, a failure as one exception.

(Django's own ``sync_to_async`` shares one thread with every view of the process, and what hangs there keeps the process
from ending.)

::

                      threads   a caller waits        failed
    DatabaseThread    one       for ever, or limit_s  the caller tries again when it likes; an outage is logged
    DatabaseReaders   several   limit_s               tried once more at once, for a connection may be from before

"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Final, Generic, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections

from runtime.databases.limits import PATIENT_S
from runtime.databases.own_connection import connect_for_life, cursors_made, only_reads
from runtime.databases.reasons import in_words
from runtime.outages import Outage

P = ParamSpec("P")
T = TypeVar("T")

_SLOW_S: Final = 15.0  # then a call without a limit counts as an outage, though it is waited for


class DatabaseUnavailableError(Exception):
    """The database failed, or did not answer in time; ``str()`` is the reason in one line. A new attempt makes sense.

    Its cause, if it has one, is Django's exception.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(in_words(reason))


class _Call(Generic[T]):
    """A function and the future of its result. Made in the event loop, called in a thread."""

    __slots__ = ("_function", "asked", "ended", "future", "loop")

    def __init__(self, function: Callable[[], T]) -> None:
        self._function, self.ended = function, False
        self.asked = False  # it has asked the database something
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()

    def __call__(self) -> None:
        """Unless nobody waits for it any more."""
        if not self.future.done():
            before = cursors_made()
            try:
                result = self._function()
            except BaseException as error:  # noqa: BLE001  the caller gets it
                connections.close_all()  # else Django goes on with a broken one
                self._hand_over(self.future.set_exception, error)
            else:
                self.asked = cursors_made() != before
                if only_reads():
                    connections.close_all()
                self._hand_over(self.future.set_result, result)
        self.ended = True

    def _hand_over(self, settle: Callable[[Any], None], outcome: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self.loop.call_soon_threadsafe(self._settle, settle, outcome)

    def _settle(self, settle: Callable[[Any], None], outcome: Any) -> None:
        if not self.future.done():
            settle(outcome)


class _Threads:
    """Daemon threads that call what is given to them, in order; so one that hangs keeps no process from ending.

    Args:
        names: of the threads, one each.
        connection_name: give each thread a connection of its own for its life, which PostgreSQL shows by this name.
            "": connections as Django's settings have them.
        session: PostgreSQL's parameters for these connections.
        patience_s: how long SQLite waits for another writer; if that is less than usual, PostgreSQL with a statement.
    """

    def __init__(
        self,
        names: list[str],
        connection_name: str = "",
        session: dict[str, str] | None = None,
        patience_s: float = PATIENT_S,
    ) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # bounded: every caller waits for its own
        self._names, self._connection_name, self._patience_s = names, connection_name, patience_s
        self._session = session or (
            {"statement_timeout": f"{int(patience_s * 1000)}"} if patience_s < PATIENT_S else {}
        )
        for name in names:
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        if self._connection_name:
            connect_for_life(self._connection_name, self._session, self._patience_s)
        while (call := self._calls.get()) is not None:
            call()
        connections.close_all()

    def _call(self, function: Callable[[], T]) -> _Call[T]:
        call = _Call(function)
        self._calls.put(call)
        return call

    def close(self) -> None:
        """End the threads when their calls are done. Does not wait."""
        for _ in self._names:
            self._calls.put(None)


class DatabaseThread(_Threads):
    """Runs functions one after the other in one thread.

    Args:
        name: of the thread.
        outage: begins when a call fails or is late, ends when one succeeds. None: somebody else logs it.
        limit_s: how long callers wait; None: however long, for half-done work can't be left. Then 15 s is an outage.
        connection_name: as in :class:`_Threads`, as for ``patience_s``.
    """

    def __init__(
        self,
        name: str,
        *,
        outage: Outage | None = None,
        limit_s: float | None = None,
        connection_name: str = "",
        patience_s: float = PATIENT_S,
    ) -> None:
        super().__init__([name], connection_name, patience_s=patience_s)
        self._outage, self._limit_s = outage, limit_s
        self._given_up: _Call[Any] | None = None  # the last one, which may still be going on

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the thread.

        Raises:
            DatabaseUnavailableError: it failed; or took too long (then it may still take effect), or an earlier one
                that did so is still going on. After a failure the connections are new.
            Exception: whatever else the function raises.
        """
        if self._given_up is not None and not self._given_up.ended:
            raise DatabaseUnavailableError("still busy with an earlier call")
        call = self._call(lambda: function(*args, **kwargs))
        late = call.loop.call_later(_SLOW_S if self._limit_s is None else self._limit_s, self._is_late, call)
        try:
            result = await call.future
        except Error as error:
            self._fails(unavailable := DatabaseUnavailableError(error))
            raise unavailable from error
        finally:
            late.cancel()
        if self._outage is not None and call.asked:
            self._outage.ends()
        return result

    def _is_late(self, call: _Call[Any]) -> None:
        if call.future.done():
            return
        unavailable = DatabaseUnavailableError(f"no answer within {self._limit_s or _SLOW_S:g} s")
        self._fails(unavailable)
        if self._limit_s is not None:
            self._given_up = call
            call.future.set_exception(unavailable)

    def _fails(self, error: DatabaseUnavailableError) -> None:
        if self._outage is not None:
            self._outage.begins(error, is_news=True)

    async def end(self) -> None:
        """Close the thread's connections and end it; waits as long as a call may take, then leaves it to itself."""
        with contextlib.suppress(DatabaseUnavailableError):
            await self.run(connections.close_all)
        self.close()


class DatabaseReaders(_Threads):
    """Runs functions that only read, side by side. A call that fails is made once more before it counts as failed.

    Args:
        name: of the threads, which are numbered.
        threads: how many run at once. The others wait; every caller waits for its own only.
        limit_s: how long callers wait.
        session: further parameters of PostgreSQL's for their connections.
    """

    def __init__(
        self, name: str, *, threads: int = 4, limit_s: float = 10.0, session: dict[str, str] | None = None
    ) -> None:
        limits = {"statement_timeout": f"{int(limit_s * 1000)}", **(session or {})}
        super().__init__([f"{name}-{number}" for number in range(threads)], name, limits)
        self._limit_s = limit_s
        self._waiting: dict[Any, asyncio.Future[Any]] = {}  # calls of run_once that have not begun

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``, which only reads: it may be called twice.

        Raises:
            DatabaseUnavailableError: it failed twice, or took too long; its result is lost.
            Exception: whatever else the function raises.
        """
        return await self._result(self._call(lambda: _again(lambda: function(*args, **kwargs))).future)

    async def run_once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """:meth:`run`, together with all who ask for the same before it has begun.

        A thousand browsers that come back at once ask the same thing. What is read is never older than the question.
        Arguments must be hashable, and nobody may change the result.

        Raises:
            DatabaseUnavailableError: as above.
        """
        key = (function, args, tuple(sorted(kwargs.items())))
        waiting = self._waiting.get(key)
        if waiting is None:

            def call() -> T:
                self._waiting.pop(key, None)  # whoever asks from now on begins a call of their own
                return _again(lambda: function(*args, **kwargs))

            waiting = self._waiting[key] = self._call(call).future
            waiting.add_done_callback(_look_at)
        return await self._result(asyncio.shield(waiting))

    async def _result(self, future: "asyncio.Future[T]") -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await future
        except TimeoutError:
            raise DatabaseUnavailableError(f"no answer within {self._limit_s:g} s") from None
        except Error as error:
            raise DatabaseUnavailableError(error) from error


def _look_at(done: "asyncio.Future[Any]") -> None:
    """Those who waited may all have left; asyncio complains of an error that nobody has looked at."""
    if not done.cancelled():
        done.exception()


def _again(call: Callable[[], T]) -> T:
    """Call it; once more if it fails, for the thread's connection may be from before a restart of the database."""
    try:
        return call()
    except Error as error:
        connections.close_all()
        first = error
    try:
        return call()
    except Error:
        raise first from None


_one_writer: Final = threading.RLock()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Hold this around a transaction that writes, so that our threads take turns where there is one writer only.

    In SQLite a writer who finds another one looks again every 100 ms, and may find the next one for seconds.
    """
    with _one_writer if connections[DEFAULT_DB_ALIAS].vendor == "sqlite" else contextlib.nullcontext():
        yield
