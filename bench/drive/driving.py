"""Drives an installation: a load of a rate and time, and a browser that watches.

They are ``bench.programs.load`` and ``bench.programs.recorder``, processes of their own.

::

    with Rig(installation) as rig:
        rig.warm_up()
        trial = rig.trial(rate=1000, seconds=5)

Each stretch is numbered on from the one before. A new rig begins above all numbers of former ones (at the clock), so
nobody needs to remember how far an installation was driven.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any, Final, Self

from bench.installations.installation import Installation
from bench.measure.results import Usage
from bench.measure.search import Trial
from bench.measure.usage import Meter
from bench.programs.load import Outcome, Plan
from tests.support.environment import ROOT, clean_environment

PAYLOAD_BYTES: Final = 120
DEVICES: Final = 200
_READY_S, _ANSWER_S, _END_S = 30.0, 30.0, 10.0
_DRAIN_S: Final = 120.0
_POLL_S: Final = 0.03
_WARM_UPS: Final = 4
_warm: set[tuple[int, str, int]] = set()  # port (no other installation of this process has it), site, devices
# How tools are started: our modules are found; Ctrl-C is for us, who then end them in order.
OWN: Final[dict[str, Any]] = {
    "cwd": ROOT,
    "env": clean_environment(),
    "start_new_session": True,
    "stdout": subprocess.PIPE,
}


class BenchError(AssertionError):
    """A tool of the benchmark failed, or what it drives did; the message says how."""


def python(module: str, **options: object) -> list[str]:
    """The command line of a module of ours: ``python("bench.programs.load", port=1883)``."""
    return [sys.executable, "-m", module, *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


class Recorder:
    """The process that watches an installation's endpoint. A context manager; it begins subscribed."""

    def __init__(self, installation: Installation, plan: Plan) -> None:
        endpoint = installation.endpoint()
        told = {"url": endpoint.url, "dialect": endpoint.dialect, "first": endpoint.first}
        arguments = python("bench.programs.recorder", **told, site=plan.site, devices=plan.devices)
        self._arguments = [*arguments, *(f"--header={name}: {value}" for name, value in endpoint.headers.items())]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._arguments, **OWN, stdin=pipe)
        try:
            self._answer(_READY_S)
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

    def received(self) -> int:
        """How many different messages since the mark."""
        return int(self._ask("count")["received"])

    def mark(self, following: int) -> dict[str, Any]:
        """What came since the last mark, of a load whose next message has this number; see bench.programs.recorder."""
        return self._ask(f"mark {following}")

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchError("the recorder has ended") from None
        return self._answer(_ANSWER_S)

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise BenchError("the recorder has ended" if readable else f"the recorder said nothing for {timeout_s:g} s")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Rig:
    """A load and a recorder on one installation. A context manager.

    Args:
        installation: which must be idle.
        drain_s: how long to wait at most for what was sent to arrive.
        plan: fields of ``bench.programs.load.Plan`` that differ: ``devices=1000``.
    """

    def __init__(self, installation: Installation, *, drain_s: float = _DRAIN_S, **plan: Any) -> None:
        self._installation, self._drain_s = installation, drain_s
        fields = {"devices": DEVICES, "size": PAYLOAD_BYTES, "stamp": True, **plan}
        self.plan = Plan(port=installation.mqtt_port(), **fields)
        self.sent = int(time.monotonic() * 1000) * self.plan.devices  # the next message's number
        self.recorder = Recorder(installation, self.plan)
        self._patience_s = installation.endpoint().patience_s

    def __enter__(self) -> Self:
        self.recorder.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.recorder.__exit__()

    def roles(self) -> dict[str, list[int]]:
        """Whose CPU and memory count."""
        return {**self._installation.pids(), "recorder": [self.recorder.pid]}

    def warm_up(self) -> None:
        """Some messages of each device at leisure, again until all of them arrive. Once for each installation.

        They do not at first: a device that is new to Causeway comes as a snapshot.

        Raises:
            BenchError: they never do.
        """
        if (self.plan.port, self.plan.site, self.plan.devices) in _warm:
            return
        count, rate = 2 * self.plan.devices, max(200.0, self.plan.devices)
        missing = []
        for _ in range(_WARM_UPS):
            trial = self.trial(rate, count / rate)
            if trial.received and not trial.lost:
                _warm.add((self.plan.port, self.plan.site, self.plan.devices))
                return
            missing.append(trial.lost)
        raise BenchError(f"{self._installation.name}: of {count} messages {missing} did not reach the browser")

    def trial(self, rate: float | None, seconds: float) -> Trial:
        """Publish for a time, at a rate (None: as fast as the broker takes it), and wait until it is drained."""
        self.recorder.mark(self.sent)
        with Meter(self.roles()).running() as meter:
            outcome, generator = self._publish(rate, seconds)
            self._drain(outcome.sent)
            usage = {**meter.read(), "generator": generator}
        came = self.recorder.mark(self.sent)
        fields = {name: came[name] for name in Trial.__dataclass_fields__ if name in came and name != "seconds"}
        return Trial(rate=rate or outcome.per_s, sent=outcome.sent, seconds=outcome.seconds, usage=usage, **fields)

    def _publish(self, rate: float | None, seconds: float) -> tuple[Outcome, Usage]:
        options = {**asdict(self.plan), "first": self.sent, "seconds": seconds, **({"rate": rate} if rate else {})}
        with subprocess.Popen(python("bench.programs.load", **options), **OWN) as process:
            try:
                assert process.stdout
                said = process.stdout.read().splitlines()
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            except BaseException:
                process.terminate()
                raise
        if process.returncode or not said:
            raise BenchError(f"the load generator ended with {process.returncode}")
        outcome = Outcome(**json.loads(said[-1]))
        self.sent += outcome.sent
        if outcome.unconfirmed:
            raise BenchError(f"the broker did not confirm everything: {outcome}")
        return outcome, Usage(used.ru_utime + used.ru_stime, peak_mib=0.0)  # ru_maxrss is ours, from before its exec

    def _drain(self, sent: int) -> None:
        """Wait until all has come, or nothing more comes."""
        ends = time.monotonic() + self._drain_s
        received, since = -1, time.monotonic()
        while received < sent and time.monotonic() < min(ends, since + self._patience_s):
            if (now := self.recorder.received()) != received:
                received, since = now, time.monotonic()
            time.sleep(_POLL_S)
