"""A fleet of connected devices (``bench.programs.fleet``, a process of its own) as a context manager."""

import contextlib
import json
import os
import select
import subprocess
from typing import Any, Self

from bench.drive.driving import OWN, BenchError, python
from bench.programs.load import Outcome
from bench.protocol.packets import Plan

_READY_S, _ANSWER_S, _END_S = 60.0, 60.0, 15.0


class Connected:
    """Devices d0, d1, … with an MQTT connection each. Once it is entered, the broker has confirmed all their births.

    Args:
        plan: how many, where, of which site, and the size of their payloads.

    Attributes:
        seconds: that connecting and births took.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.seconds = 0.0

    def __enter__(self) -> Self:
        plan = self._plan
        told = {"port": plan.port, "devices": plan.devices, "site": plan.site, "size": plan.size}
        self._process = subprocess.Popen(python("bench.programs.fleet", **told), **OWN, stdin=subprocess.PIPE)
        try:
            self.seconds = self._answer(_READY_S)["seconds"]
        except BenchError:
            self.__exit__()
            raise
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

    def run(self, first: int, seconds: float, rate: float | None = None) -> Outcome:
        """Publish in turn for a time, each device on its own connection, from message ``first`` on.

        Raises:
            BenchError: it failed, or the broker did not confirm everything.
        """
        self._tell(f"run {json.dumps({'first': first, 'seconds': seconds, 'rate': rate})}")
        outcome = Outcome(**self._answer(seconds + _ANSWER_S))
        if outcome.unconfirmed:
            raise BenchError(f"the broker did not confirm everything: {outcome}")
        return outcome

    def limit(self, message: int) -> None:
        """Send no message from this number on until it is raised. May be called during a run, by another thread."""
        self._tell(f"limit {message}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        try:
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            raise BenchError("the fleet has ended") from None

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise BenchError("the fleet has ended" if readable else f"the fleet said nothing for {timeout_s:g} s")
        answer: dict[str, Any] = json.loads(line)
        return answer
