"""Many browsers that watch one site: what a frame and an item cost the web process, and how old items get."""

import json
import select
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final, Self

from bench.drive.driving import DEVICES, PAYLOAD_BYTES, BenchError, python
from bench.installations.installation import CAUSEWAY, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, Usage
from bench.measure.usage import Meter
from bench.peers.candidates import PLAIN, PLAIN_REDIS
from bench.programs.load import Outcome, Plan
from bench.scenarios import Scenario
from tests.support.environment import ROOT, clean_environment

RATE_PER_S: Final = float(DEVICES)  # each device once a second
_SITE: Final = '{"type":"subscribe","id":"1","site":"bench"}'
_READY_S: Final = 240.0
_ANSWER_S: Final = 60.0
_END_S: Final = 20.0
_DRAIN_S: Final = 10.0  # what did not come by then counts as lost
_QUIET_S: Final = 2.0  # nothing came for so long: nothing will
_POLL_S: Final = 0.1


class Swarm:
    """``bench.programs.swarm`` on an installation. A context manager; it begins when all clients watch."""

    def __init__(self, installation: Installation, clients: int) -> None:
        endpoint = installation.endpoint()
        first = _SITE if endpoint.dialect == "causeway" else endpoint.first
        told = {"url": endpoint.url, "clients": clients, "dialect": endpoint.dialect, "first": first}
        headers = [f"--header={name}: {value}" for name, value in endpoint.headers.items()]
        self._arguments = [*python("bench.programs.swarm", **told), *headers]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._arguments, stdin=pipe, stdout=pipe, cwd=ROOT, env=clean_environment())
        try:
            self._answer(_READY_S)
        except BenchError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
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

    def items(self) -> int:
        """That all clients have received together since the mark."""
        return int(self._ask("count")["items"])

    def mark(self) -> dict[str, Any]:
        """See :meth:`bench.protocol.counters.Tally.mark`."""
        return self._ask("mark")

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchError("the swarm has ended") from None
        return self._answer(_ANSWER_S)

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise BenchError("the swarm has ended" if readable else f"the swarm said nothing for {timeout_s:g} s")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Load:
    """Publishes, numbered on and on."""

    def __init__(self, installation: Installation) -> None:
        self._plan = Plan(port=installation.mqtt_port(), devices=DEVICES, size=PAYLOAD_BYTES, stamp=True)
        self._sent = int(time.monotonic() * 1000) * DEVICES  # above all numbers of former ones

    def run(self, seconds: float) -> Outcome:
        options = {**asdict(self._plan), "first": self._sent, "seconds": seconds, "rate": RATE_PER_S}
        done = subprocess.run(
            python("bench.programs.load", **options),
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"the load generator ended with {done.returncode}")
        outcome = Outcome(**json.loads(done.stdout.splitlines()[-1]))
        self._sent += outcome.sent
        return outcome


def measure(clients: int, installation: Installation, effort: Effort) -> Measured:
    """One round: warm up, connect everybody, publish for a while, wait for what is under way."""
    load, seconds = Load(installation), 2 * effort.seconds
    load.run(1)
    with Swarm(installation, clients) as swarm:
        load.run(1)
        _drain(swarm, None)
        swarm.mark()
        with Meter({**installation.pids(), "recorder": [swarm.pid]}).running() as meter:
            sent = load.run(seconds).sent
            _drain(swarm, sent * clients)
            usage = meter.read()
        came = swarm.mark()
    return Measured(_figures(came, sent * clients, usage, seconds), usage)


def _drain(swarm: Swarm, expected: int | None) -> None:
    """Wait until all has come, or nothing more comes, or it takes too long."""
    ends = time.monotonic() + _DRAIN_S
    received, since = -1, time.monotonic()
    while received != expected and time.monotonic() < min(ends, since + _QUIET_S):
        if (now := swarm.items()) != received:
            received, since = now, time.monotonic()
        time.sleep(_POLL_S)


def _figures(came: Mapping[str, Any], expected: int, usage: Mapping[str, Usage], seconds: float) -> dict[str, float]:
    web_s = max(usage["web"].cpu_s, 0.001)
    items, frames = max(1, came["items"]), max(1, came["frames"])
    return {
        "items_per_s": came["items"] / seconds,
        "frames_per_s": came["frames"] / seconds,
        "p50_ms": came["p50_ms"],
        "p99_ms": came["p99_ms"],
        "lost_percent": 100 * max(0, expected - came["items"]) / expected,
        "repeated": came["repeated"],
        "closed": came["closed"],
        "items_per_cpu_s": came["items"] / web_s,
        "web_cpu_us_per_frame": web_s * 1e6 / frames,
        "web_cpu_us_per_item": web_s * 1e6 / items,
        "swarm_cpu_us_per_frame": usage["recorder"].cpu_s * 1e6 / frames,
    }


def _scenario(clients: int, *limits: Limit, full_only: bool = False) -> Scenario:
    return Scenario(
        name=f"fanout/{clients}",
        title="Fan-out",
        what=f"{clients:,} browsers watch one site with {DEVICES} devices, each of which reports once a second; "
        "CPU is the web process's",
        measure=partial(measure, clients),
        on=(CAUSEWAY, *PLAIN),
        better={
            "items_per_s": "higher",
            "items_per_cpu_s": "higher",
            "p50_ms": "lower",
            "p99_ms": "lower",
            "lost_percent": "lower",
            "web_cpu_us_per_item": "lower",
        },
        limits=limits,
        rounds=2,
        full_only=full_only,
    )


SCENARIOS = (
    _scenario(
        1_000,
        Limit("p99_ms", "≤", 400, text="p99 per item at most 400 ms"),
        Limit("lost_percent", "≤", 0, text="nothing is lost"),
        Limit(
            "items_per_cpu_s",
            "≥",
            times=8,
            of=PLAIN_REDIS.name,
            text="at least 8 times the items per CPU second of the plain Channels way",
        ),
    ),
    _scenario(5_000, full_only=True),
)
