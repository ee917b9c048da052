"""Reading from PostgreSQL while what was read before is worked on: two cores instead of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final, TypeVar

from django.db import connection

T = TypeVar("T")

_WAITING: Final = 2  # that are read, and not worked on yet
_LOOK_S: Final = 0.2  # at whether anybody wants more


@contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The items of an iterator that asks the database, made by a thread of their own with a connection of its own.

    In a transaction, and on SQLite, they are made when they are asked for. What is raised there is raised here.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield items
        return
    made: Queue[T | BaseException | None] = Queue(_WAITING)
    left = Event()
    thread = Thread(target=_make, args=(items, made, left), name="reading-ahead", daemon=True)
    thread.start()
    try:
        yield _taken(made)
    finally:
        left.set()
        while thread.is_alive():
            _drop(made)
            thread.join(_LOOK_S)


def _make(items: Iterator[T], made: "Queue[T | BaseException | None]", left: Event) -> None:
    try:
        for one in items:
            if left.is_set():
                return
            made.put(one)
        made.put(None)
    except BaseException as error:  # noqa: BLE001  it is raised where the items are asked for
        made.put(error)
    finally:
        connection.close()


def _taken(made: "Queue[T | BaseException | None]") -> Iterator[T]:
    while (one := made.get()) is not None:
        if isinstance(one, BaseException):
            raise one
        yield one


def _drop(made: "Queue[T | BaseException | None]") -> None:
    try:
        made.get_nowait()
    except Empty:
        return
