"""The programs of ``bench.programs`` as processes: a line goes in, a line of JSON comes out."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from math import inf
from typing import Any, Self

from bench.programs.load import Outcome
from bench.protocol.dialects import Endpoint
from bench.protocol.packets import Plan
from tests.support.environment import ROOT, clean_environment

_READY_S, _ANSWER_S, _END_S = 240.0, 60.0, 20.0


class BenchError(AssertionError):
    """A tool of the benchmark failed, or what it drives did; the message says how."""


def python(module: str, **options: object) -> list[str]:
    """The command line of a module of ours: ``python("bench.programs.load", port=1883)``."""
    return [sys.executable, "-m", module, *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


class Tool:
    """One of the programs. A context manager: entered, it has said that it is ready; left, it has ended.

    Args:
        name: what it is, for messages.
        command: its command line.
        variables: of its environment, besides the usual.
    """

    def __init__(self, name: str, command: Sequence[str], **variables: str) -> None:
        self._name, self._command, self._environment = name, command, {**clean_environment(), **variables}
        self.ready: dict[str, Any] = {}  # what it said first
        self.ready_s = 0.0  # how long that took

    def __enter__(self) -> Self:
        pipe, begun = subprocess.PIPE, time.monotonic()
        self._process = subprocess.Popen(  # in a session of its own: Ctrl-C is for us, who then end it in order
            self._command, cwd=ROOT, env=self._environment, stdin=pipe, stdout=pipe, start_new_session=True
        )
        try:
            self.ready = self.answer(_READY_S)
        except BaseException:
            self.__exit__()
            raise
        self.ready_s = time.monotonic() - begun
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, line: str, timeout_s: float = _ANSWER_S) -> dict[str, Any]:
        """Its answer to a command."""
        self.tell(line)
        return self.answer(timeout_s)

    def tell(self, line: str) -> None:
        """Give it a command. May be called by another thread than the one that waits for an answer."""
        assert self._process.stdin
        try:
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            raise BenchError(f"the {self._name} has ended") from None

    def answer(self, timeout_s: float) -> dict[str, Any]:
        """The next line that it says."""
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            how = "has ended" if readable else f"said nothing for {timeout_s:g} s"
            raise BenchError(f"the {self._name} {how}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Publisher(Tool):
    """The load generator of a plan."""

    def __init__(self, plan: Plan, *, each: bool = False) -> None:
        """With ``each``, each device has a connection of its own, and is born once this is ready."""
        command = python("bench.programs.load", **asdict(plan), each=each, commands=True)
        super().__init__("fleet" if each else "load generator", command)

    def run(self, first: int, seconds: float, rate: float = inf) -> Outcome:
        """Publish for a time, from message ``first`` on; as fast as the broker takes it if there is no rate.

        Raises:
            BenchError: it failed, or the broker did not confirm everything.
        """
        asked = json.dumps({"first": first, "seconds": seconds, "rate": rate})
        outcome = Outcome(**self.ask(f"run {asked}", seconds + _ANSWER_S))
        if outcome.unconfirmed:
            raise BenchError(f"the broker did not confirm everything: {outcome}")
        return outcome

    def limit(self, message: int) -> None:
        """Send no message from this number on until it is raised. May be called during a run, by another thread."""
        self.tell(f"limit {message}")


class Browsers(Tool):
    """Who watches an endpoint: one browser, where a plan's streams are checked message by message, or many."""

    def __init__(self, endpoint: Endpoint, plan: Plan, clients: int = 1) -> None:
        told = {"url": endpoint.url, "dialect": endpoint.dialect, "first": endpoint.first}
        told |= {"headers": json.dumps(endpoint.headers), "site": plan.site}
        super().__init__("recorder", python("bench.programs.browsers", **told, clients=clients, devices=plan.devices))

    def received(self) -> int:
        """How many messages since the mark, of all browsers together."""
        return int(self.ask("count")["received"])

    def mark(self, following: int) -> dict[str, Any]:
        """What came since the last mark, of a load whose next message has this number; see the programs."""
        return self.ask(f"mark {following}")
