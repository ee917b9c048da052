"""Gives one process a core of its own for a while, so that it never waits for one. Linux only."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.usage import all_stats, trees


@contextlib.contextmanager
def alone(pid: int, others: Iterable[int]) -> Iterator[bool]:
    """The process has the first core; the others, with their children and ourselves, have the rest.

    Yields whether it is so: with one core only, nothing is changed. Processes of strangers go where they like.
    """
    cores = os.sched_getaffinity(0)
    if len(cores) == 1:
        yield False
        return
    own = {min(cores)}
    rest = [other for other in trees([*others, os.getpid()], all_stats()) if other != pid]
    try:
        _pin([pid], own)
        _pin(rest, cores - own)
        yield True
    finally:
        _pin([pid, *rest], cores)


def _pin(pids: Iterable[int], cores: set[int]) -> None:
    """All their threads; new ones begin where the thread is that starts them."""
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread.name), cores)
