"""Our own commands as real subprocesses: started, watched through their logs, ended by SIGTERM or SIGKILL."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.environment import ROOT, environment
from tests.support.waiting import PATIENCE_S, eventually

STOP_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 60

_alive: list["Process"] = []


def manage(*arguments: str) -> list[str]:
    """The command line of ``manage.py`` with this interpreter."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def daphne(port: int, *arguments: str) -> list[str]:
    """The command line of Daphne on the loopback."""
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), *arguments, "config.asgi:application"]


class CommandError(AssertionError):
    """A command that should have succeeded did not; the message carries its output."""


def run_command(
    arguments: Sequence[str], settings: Mapping[str, str], *, timeout_s: float = COMMAND_TIMEOUT_S, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with only `settings` from the contract in its environment.

    Raises:
        CommandError: it exited non-zero and `check` is true.
    """
    done = subprocess.run(
        arguments,
        env=environment(settings),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode:
        raise CommandError(f"{' '.join(arguments[1:])} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def migrate(settings: Mapping[str, str]) -> None:
    """Run the migrations on the database of `settings`."""
    run_command(manage("migrate", "--verbosity", "0"), settings, timeout_s=120)


class Process:
    """A long-running command. `log` holds all that it printed, over restarts."""

    def __init__(self, name: str, arguments: Sequence[str], settings: Mapping[str, str], log_path: Path) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.settings = dict(settings)
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        """Start it; it may take a while until it is ready."""
        assert not self.is_alive(), f"{self.name} runs already"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.arguments,
                env=environment(self.settings),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends us in order
            )
        _alive.append(self)
        return self

    @property
    def pid(self) -> int:
        """Of the current or last run."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    def is_alive(self) -> bool:
        """Does it run?"""
        return self._process is not None and self._process.poll() is None

    def terminate(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ask it to stop (SIGTERM); returns its exit status.

        Raises:
            AssertionError: it still ran after `timeout_s`; it is killed then.
        """
        return self._end(signal.SIGTERM, timeout_s)

    def interrupt(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Like `terminate`, by Ctrl-C: SIGINT to the process and its children."""
        return self._end(signal.SIGINT, timeout_s, group=True)

    def has_left_something(self) -> bool:
        """Does anything that it started, or itself, still run (in its process group)?"""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """End it by SIGKILL, now."""
        self._end(signal.SIGKILL, STOP_TIMEOUT_S)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal and wait for nothing (SIGSTOP and SIGCONT, for instance)."""
        assert self._process is not None, f"{self.name} was never started"
        self._process.send_signal(number)

    def restart(self) -> "Process":
        """`terminate`, then `start`."""
        self.terminate()
        return self.start()

    def _end(self, by: signal.Signals, timeout_s: float, *, group: bool = False) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            (os.killpg if group else os.kill)(self.pid, by)
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
            raise AssertionError(f"{self.name} still ran {timeout_s:g} s after {by.name}:\n{self.tail()}") from None
        finally:
            if self in _alive:
                _alive.remove(self)
        return status

    def log(self) -> str:
        """All that it has printed, both streams."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def position(self) -> int:
        """Where the log ends now; for `wait_for_line(…, since=…)`."""
        return len(self.log())

    def count_lines(self, pattern: str, *, since: int = 0) -> int:
        """How many log lines match the regular expression."""
        return sum(bool(re.search(pattern, line)) for line in self.log()[since:].splitlines())

    def outages(self, of: str) -> list[str]:
        """What it has logged of outages of a thing, one entry a line: "down" or "up".

        Raises:
            AssertionError: it was told twice in a row as down for the same reason.
        """
        told: list[tuple[str, str]] = []
        for line in self.log().splitlines():
            if match := re.search(rf"{of} (down|up) .*?(?:reason=(.*))?$", line):
                assert not told or told[-1] != match.groups(), f"told twice: {line}"
                told.append((match[1], match[2]))
        return [what for what, _ in told]

    def wait_for_line(self, pattern: str, timeout_s: float = PATIENCE_S, *, since: int = 0) -> re.Match[str]:
        """Wait until a log line matches the regular expression.

        Raises:
            AssertionError: none did within `timeout_s`, or the process ended before.
        """

        def probe() -> re.Match[str] | None:
            match = re.search(pattern, self.log()[since:], re.MULTILINE)
            if match is None and not self.is_alive():
                raise ProcessEndedError(f"{self.name} ended with {self.returncode}:\n{self.tail()}")
            return match

        found = eventually(probe, timeout_s, what=f"{self.name} prints {pattern!r}", retry_on=())
        assert found is not None
        return found


class ProcessEndedError(AssertionError):
    """A process that should run has ended; the message carries the end of its log."""


def end_all(processes: Sequence[Process]) -> None:
    """SIGTERM to all of them, then wait for each.

    Raises:
        AssertionError: some did not end in time; they are killed then.
    """
    for process in processes:
        if process.is_alive():
            process.send_signal(signal.SIGTERM)
    stubborn = [error for process in processes if (error := _end_one(process))]
    assert not stubborn, "\n".join(map(str, stubborn))


def _end_one(process: Process) -> AssertionError | None:
    try:
        process.terminate()
    except AssertionError as error:
        return error
    return None


def tails(lines: int = 40) -> list[tuple[str, str]]:
    """Name and end of the log of every process that was started and not ended by the test."""
    return [(process.name, process.tail(lines)) for process in _alive]
