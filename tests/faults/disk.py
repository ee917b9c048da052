"""A disk that can be full: a small tmpfs where we may mount one, else a limit on the size of the processes' files."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tests.support.waiting import eventually

_ROOMY = "2g"


class Disk(Protocol):
    """Where a database lives."""

    how: str
    """In words, for the report."""

    def fill(self) -> None:
        """From now on nothing can grow on it."""

    def free(self) -> None:
        """There is room again."""


class Tmpfs:
    """A mount of its own whose size is set to what is used: writes fail with ENOSPC, as on a full disk."""

    how = "a tmpfs without room (ENOSPC)"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def fill(self) -> None:
        # Refused with less than what is used, as it is when somebody has written since we looked.
        eventually(self._shrink, 10, what="the disk is full", retry_on=(subprocess.CalledProcessError,), pause_s=0)

    def _shrink(self) -> bool:
        found = os.statvfs(self._directory)
        _mount("-o", f"remount,size={(found.f_blocks - found.f_bfree) * found.f_frsize}", str(self._directory))
        return True

    def free(self) -> None:
        _mount("-o", f"remount,size={_ROOMY}", str(self._directory))


class FileSizeLimit:
    """For who may not mount: the processes may not write behind the end of what they have (EFBIG)."""

    how = "RLIMIT_FSIZE on the processes (EFBIG), as mounting is not permitted"

    def __init__(self, directory: Path, pids: Callable[[], Iterable[int]]) -> None:
        self._directory, self._pids = directory, pids

    def fill(self) -> None:
        self._limit(max(file.stat().st_size for file in self._directory.iterdir()))

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size_bytes: int) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


@contextlib.contextmanager
def small_disk(directory: Path, pids: Callable[[], Iterable[int]]) -> Iterator[Disk]:
    """Make `directory` a disk that can be full; `pids` are the processes that write to it."""
    directory.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={_ROOMY}", "causeway-faults", str(directory))
    except (OSError, subprocess.CalledProcessError):
        yield FileSizeLimit(directory, pids)
        return
    try:
        yield Tmpfs(directory)
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True, timeout=10)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, timeout=10, capture_output=True)
