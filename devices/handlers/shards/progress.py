"""How far a handler is in a shard, in memory and in its row. The row is moved in the transaction of what was done."""

from collections.abc import Collection

from django.db.models import F, QuerySet
from msgspec import Struct

from devices.handlers.calls.failures import CursorLostError
from devices.models import HandlerCursor, HandlerRunner
from devices.models.handlers import MAX_WHY_CHARS
from runtime.database_clock import DatabaseNowMs


class Cursor(Struct):
    """The row as we took it. Nobody but us moves it while its generation is ours."""

    handler: str
    shard: int
    generation: int
    commit: int
    done: frozenset[str] = frozenset()  # keys of items past commit that are handled
    batch: int = 0  # at most so many items in the next try; 0: as many as usual
    suspect: str = ""  # key of the item at which a process had to be killed
    is_too_far: bool = False

    def _ours(self) -> QuerySet[HandlerCursor]:
        return HandlerCursor.objects.filter(
            handler_id=self.handler, shard=self.shard, generation=self.generation, commit=self.commit
        )

    def write(self, commit: int, done: Collection[str], handled: int) -> None:
        """Move the row, at the end of a transaction; what is here stays, until :meth:`moved` after the commit.

        Args:
            commit: all up to this place is handled.
            done: keys of the items past it that are, too.
            handled: items that were handled just now.

        Raises:
            CursorLostError: it is not ours any more.
        """
        found = self._ours().update(
            commit=commit,
            done=sorted(done),
            handled=F("handled") + handled,
            batch=0,
            suspect="",
            beat_ms=DatabaseNowMs(),
        )
        if not found:
            raise CursorLostError

    def moved(self, commit: int, done: Collection[str]) -> None:
        """It is committed."""
        self.commit, self.done, self.batch, self.suspect = commit, frozenset(done), 0, ""

    def failed(self, why: str) -> None:
        """Take down that the handler has failed.

        Raises:
            CursorLostError: it is not ours any more.
        """
        found = self._ours().update(failures=F("failures") + 1, failed_ms=DatabaseNowMs(), why=why)
        if not found:
            raise CursorLostError

    def acquit(self) -> None:
        """The item at which a process had to be killed is taken care of."""
        self._ours().update(suspect="")
        self.suspect = ""

    def too_far(self) -> None:
        """Take down that the log no longer reaches back to where we are.

        Raises:
            CursorLostError: it is not ours any more.
        """
        if not self._ours().update(too_far_ms=DatabaseNowMs()):
            raise CursorLostError
        self.is_too_far = True


def cursor_of(row: HandlerCursor) -> Cursor:
    """The cursor of a row that we have taken."""
    return Cursor(
        row.handler_id, row.shard, row.generation, row.commit, frozenset(row.done), row.batch, row.suspect,
        bool(row.too_far_ms),
    )  # fmt: skip


def killed(handler: str, owner: str, shard: int, items: int, key: str, why: str) -> None:
    """Take down that a process had to be killed, or has died, and give up what it had.

    Args:
        handler: its name.
        owner: the process's.
        shard: at which it was at work.
        items: how many items it was handed; half as many are tried next. 0: it was at none.
        key: of the item if it was one.
        why: it was killed.
    """
    ours = HandlerCursor.objects.filter(handler_id=handler, owner=owner)
    next_try = {"suspect": key} if items == 1 else {"batch": items // 2}
    if items:
        ours.filter(shard=shard).update(
            failures=F("failures") + 1, failed_ms=DatabaseNowMs(), why=why[:MAX_WHY_CHARS], **next_try
        )
    ours.update(owner="", beat_ms=0)
    HandlerRunner.objects.filter(handler_id=handler, owner=owner).delete()
