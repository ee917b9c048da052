"""The clock of one process, faked by libfaketime; its monotonic one is left alone."""

from pathlib import Path

from tests.support.servers.installing import faketime_library
from tests.support.servers.processes import Process


class Clock:
    """The clock of one process, which is not started yet; right at first.

    Args:
        process: whose.
        file: where what it says is kept.
    """

    def __init__(self, process: Process, file: Path) -> None:
        self._file = file
        self.set("+0")
        process.settings |= {
            "LD_PRELOAD": faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, to: str) -> None:
        """``+1d``, say; it is read within a second."""
        self._file.write_text(to)
