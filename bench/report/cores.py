"""How long threads run, and a core for one process alone, so that it never waits. Linux only."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.measure.usage import all_stats, trees


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


def thread_times(pid: int) -> dict[int, float]:
    """Seconds that each of its threads, by number, has run since it began."""
    out = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError, ValueError):  # it has ended
            out[int(thread.name)] = int((thread / "schedstat").read_text().split()[0]) / 1e9
    return out
