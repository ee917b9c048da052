"""How much memory processes take while something happens to them: resident bytes, sampled in a thread (Linux)."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.support.servers.processes import Process

MIB = 1024 * 1024
_EVERY_S = 0.1


def resident_bytes(pid: int) -> int:
    """VmRSS of a process."""
    return _status(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """VmHWM: the most that a process ever had resident, also between two samples."""
    return _status(pid, "VmHWM")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise ProcessLookupError(f"process {pid} has no {field}")  # a zombie


class MemoryWatch:
    """Samples processes until the context ends. One that dies or is started anew counts from its first sample on.

    Args:
        processes: which; they may end and begin meanwhile.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = list(processes)
        self._base: dict[str, tuple[int, int]] = {}  # name → (pid, bytes)
        self._most: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def mark(self) -> None:
        """Count growth from now on: what was before was warm-up."""
        with self._lock:
            self._base.clear()
            self._most.clear()
        self._sample()

    def growth(self) -> dict[str, int]:
        """By name: the most that was resident since the mark, less what was then; bytes."""
        self._sample()
        with self._lock:
            return {name: self._most[name] - base for name, (_, base) in self._base.items()}

    def check(self, limit_bytes: int) -> None:
        """Raise unless every process has grown by less than so much."""
        growth = self.growth()
        told = ", ".join(f"{name} {size / MIB:+.1f} MiB" for name, size in growth.items())
        print(f"memory since the mark: {told}")
        assert max(growth.values()) < limit_bytes, f"more than {limit_bytes / MIB:g} MiB: {told}"

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for process in self._processes:
            if process.is_alive():
                with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                    self._note(process.name, process.pid, resident_bytes(process.pid))

    def _note(self, name: str, pid: int, size: int) -> None:
        with self._lock:
            if self._base.get(name, (0, 0))[0] != pid:
                self._base[name], self._most[name] = (pid, size), size
            self._most[name] = max(self._most[name], size)
