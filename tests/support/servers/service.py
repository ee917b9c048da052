"""A real server that a test may stop, kill and start again: same address, same data."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from tests.support.servers.docker import why_no_image
from tests.support.waiting import eventually

START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20


class Runner(Protocol):
    """Where a server runs: a container or a local process."""

    def start(self) -> None:
        """Start it if it isn't running."""

    def stop(self) -> None:
        """End it the polite way and wait for that."""

    def kill(self) -> None:
        """End it by SIGKILL and wait for that."""

    def is_alive(self) -> bool:
        """Is it running? (It may not answer yet.)"""

    def pid(self) -> int:
        """Of its main process, as this machine sees it; it must be running."""

    def wipe(self) -> None:
        """Forget its data and its log; if it still runs, it is killed."""

    def log(self) -> str:
        """All that it has printed."""


@dataclass
class LocalRunner:
    """A server as a process of this machine, its data in a directory of its own."""

    name: str
    command: Callable[[Path], Sequence[str]]
    """From the data directory to the command line."""
    prepare: Callable[[Path], None] = lambda directory: None
    """Fills an empty data directory."""
    user: str | None = None
    """Runs as this user (PostgreSQL refuses to run as root)."""
    stop_signal: signal.Signals = signal.SIGTERM
    home: str | None = None
    """In which directory its own is made; None: the temp directory."""

    _directory: Path | None = None
    _log: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._log = Path(tempfile.gettempdir()) / f"causeway-{self.name}-{secrets.token_hex(6)}.log"

    def start(self) -> None:
        if self.is_alive():
            return
        if self._directory is None:
            self._directory = self._new_directory()
            self.prepare(self._directory)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(self._directory),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends us in order
                user=self.user,
                group=group_of(self.user),
                extra_groups=None if self.user is None else [],
            )

    def _new_directory(self) -> Path:
        # Not pytest's tmp_path: another user may not enter that.
        directory = Path(tempfile.mkdtemp(prefix=f"causeway-{self.name}-", dir=self.home))
        if self.user:
            shutil.chown(directory, self.user)
        return directory

    def stop(self) -> None:
        self._end(self.stop_signal)

    def kill(self) -> None:
        children = descendants(self._process.pid) if self._process and self.is_alive() else []
        self._end(signal.SIGKILL)
        for child in children:  # PostgreSQL's go on for a moment without their parent
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(by)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT_S)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def wipe(self) -> None:
        self.kill()
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        self._log.unlink(missing_ok=True)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def group_of(user: str | None) -> int | None:
    """The primary group of a user; None for None."""
    return pwd.getpwnam(user).pw_gid if user else None


def descendants(pid: int) -> list[int]:
    """The process ids of a process's children and theirs."""
    children = Path(f"/proc/{pid}/task/{pid}/children")  # of processes with one thread, as servers' masters are
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return found + [below for child in found for below in descendants(child)]


Kind = Literal["container", "local"]


def choose(image: str, kind: Kind | None) -> tuple[Kind, str]:
    """Where a server shall run, and in words why: in a container if possible, unless `kind` says otherwise."""
    if kind:
        return kind, f"{kind}, as asked for"
    if why := why_no_image(image):
        return "local", f"local program ({why})"
    return "container", f"container of {image}"


@dataclass
class Service:
    """A server on `port`, reached under `url`.

    After `start` it answers; after `stop` or `kill` it is gone; a new `start` brings it back on the same port with
    what it had stored (which, after `kill`, is what that server itself guarantees).
    """

    name: str
    runner: Runner
    port: int
    url: str
    probe: Callable[[], object]
    """Raises as long as the server doesn't answer."""
    origin: str
    """What it is and why, for the reader of the test report."""
    host: str = "127.0.0.1"

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        try:
            eventually(self._started, START_TIMEOUT_S, what=f"{self.name} answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends:\n{self.tail()}") from error

    def _started(self) -> bool:
        self.runner.start()  # again and again: PostgreSQL refuses until the children of a killed one are gone
        self.probe()
        return True

    def stop(self) -> None:
        """End it as an administrator would; returns when it is down."""
        self.runner.stop()

    def kill(self) -> None:
        """End it by SIGKILL; returns when it is down."""
        self.runner.kill()

    def restart(self) -> None:
        """`stop`, then `start`."""
        self.stop()
        self.start()

    def is_alive(self) -> bool:
        """Is its process there?"""
        return self.runner.is_alive()

    @property
    def pid(self) -> int:
        """Of its main process, as this machine sees it; it must be running."""
        return self.runner.pid()

    def reset(self) -> None:
        """Start it anew without any data; what it still does is cut short."""
        self.runner.wipe()
        self.start()

    def close(self) -> None:
        """End it and remove its data."""
        self.stop()
        self.runner.wipe()

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.runner.log().splitlines()[-lines:])
