"""TCP proxies that cut, refuse, stall and slow down: ``with Proxies({"broker": 1883}) as one: one.cut("broker")``.

They run in a process of their own (tests/support/servers/proxy.py). What passes the proxy named ``broker``, PUBLISH and
PUBACK, may be written to a file: the truth about what the client behind it was given.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.environment import ROOT, environment
from tests.support.servers.ports import free_port


@dataclass(frozen=True)
class Delivered:
    """A PUBLISH that the broker sent to its client behind the proxy."""

    connection: int
    """1, 2, 3, …: the client's connections, in order."""
    topic: str
    payload: str
    qos: int
    dup: bool
    retain: bool
    packet_id: int


@dataclass(frozen=True)
class Confirmed:
    """A PUBACK that the client behind the proxy sent."""

    connection: int
    packet_id: int


class Proxies:
    """The proxies' process, as the tests see it. A context manager."""

    def __init__(self, targets: Mapping[str, int], witness: Path | None = None) -> None:
        """Make a proxy for each name → port; what passes ``broker`` is written to the file `witness`."""
        self.ports = {name: free_port() for name in targets}
        self._links = {name: [self.ports[name], target] for name, target in targets.items()}
        self._witness, self._read_to = witness, 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers.proxy", json.dumps(self._links), str(self._witness or "")],
            cwd=ROOT,
            env=environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answer()
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def cut(self, name: str) -> None:
        """Break all connections, once; new ones pass."""
        self._command(name, "cut")

    def refuse(self, name: str) -> None:
        """Break all connections and refuse new ones until `heal`."""
        self._command(name, "refuse")

    def stall(self, name: str) -> None:
        """Keep all connections and accept new ones, but let no byte pass until `heal`."""
        self._command(name, "stall")

    def slow(self, name: str, *, delay_s: float, bytes_per_s: float) -> None:
        """Let every byte come so much later, and only so many a second each way, until `heal`."""
        self._command(name, "slow", delay_s=delay_s, bytes_per_s=bytes_per_s)

    def retarget(self, name: str, port: int) -> None:
        """Lead new connections to another port; those that are there stay where they are."""
        self._command(name, "retarget", target=port)

    def heal(self, name: str) -> None:
        """Be as good as no proxy again. What was held back passes."""
        self._command(name, "heal")

    def _command(self, name: str, do: str, **arguments: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"link": name, "do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "ok\n", f"the proxies' process answered {line!r}"

    def witnessed(self) -> list[Delivered | Confirmed]:
        """What the broker has delivered and its client confirmed since the last call, in order."""
        assert self._witness is not None, "these proxies write nothing down"
        if not self._witness.exists():
            return []
        with self._witness.open("rb") as file:
            file.seek(self._read_to)
            lines = file.read()
        complete = lines[: lines.rfind(b"\n") + 1]
        self._read_to += len(complete)
        return [_witnessed(json.loads(line)) for line in complete.splitlines()]


def _witnessed(fields: dict[str, Any]) -> Delivered | Confirmed:
    return Delivered(**fields) if "topic" in fields else Confirmed(**fields)
