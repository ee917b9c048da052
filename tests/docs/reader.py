"""A reader of the docs: a directory that looks like the checkout, a shell that remembers, and the demo that runs.

What a page says of ports is carried out on those of the demo under test: ``localhost:8000`` and 1883.
"""

import os
import re
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.docs.blocks import ROOT
from tests.support.environment import environment
from tests.support.servers.installing import program
from tests.support.waiting import eventually

PATIENCE_S: Final = 20
_LEFT_OUT: Final = {
    ".git",
    ".venv",
    "var",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
}
_CLIENTS: Final = ("mosquitto_pub", "mosquitto_sub")
# Python takes a second of CPU time to load Django: the same token is asked for on most pages, and made once.
_PYTHON: Final = """#!/bin/sh
case "$*" in
"manage.py create_token me --role operator")
    [ -s {kept} ] || {python} "$@" >{kept} || exit
    cat {kept} ;;
*) exec {python} "$@" ;;
esac
"""
_CURL: Final = "--fail-with-body --silent --show-error"  # an error that a reader would see fails the block


@dataclass(frozen=True)
class Demo:
    """Where ``make demo`` runs, on which database."""

    port: int
    mqtt_port: int
    database: str
    neighbour: str
    """The origin of another host of the same site, which the demo is told to trust."""

    @property
    def url(self) -> str:
        """Of its pages."""
        return f"http://localhost:{self.port}"

    def here(self, code: str) -> str:
        """A page's code with the ports of this one."""
        return re.sub(r"\b1883\b", str(self.mqtt_port), re.sub(r"\b8000\b", str(self.port), code))


class BlockError(AssertionError):
    """A block did not do what the page says; the message has its output."""


@dataclass
class Reader:
    """Carries out one page's blocks, one after the other."""

    demo: Demo
    directory: Path
    shared: Path
    """A directory for what all readers of a run share."""
    printed: str = ""
    """By the block that ran last."""
    _state: Path = field(init=False)

    def __post_init__(self) -> None:
        self._state = self.directory / ".shell"
        for entry in ROOT.iterdir():
            if entry.name not in _LEFT_OUT and not entry.name.startswith("."):
                (self.directory / entry.name).symlink_to(entry)
        commands = self.directory / ".bin"
        commands.mkdir()
        options = dict.fromkeys(_CLIENTS, f"-p {self.demo.mqtt_port}") | {"curl": _CURL}
        for name, always in options.items():  # before what the page says
            (commands / name).write_text(f'#!/bin/sh\nexec {program(name)} {always} "$@"\n')
            (commands / name).chmod(0o755)
        python = self.directory / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(_PYTHON.format(kept=self.shared / "token", python=sys.executable))
        python.chmod(0o755)
        settings = {"DATABASE_URL": self.demo.database, "PATH": f"{commands}:{os.environ['PATH']}"}
        kept = {name: value for name, value in environment(settings).items() if name != "PYTHONPATH"}
        self._state.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in kept.items()))

    def shell(self, code: str) -> str:
        """Run commands in a shell that has the variables of those before; what they print.

        Raises:
            BlockError: one of them failed.
        """
        keep = f"set +e; {{ export -p; declare -f; }} >{self._state}"
        script = f"set -a; . {self._state}; set -e\n{self.demo.here(code)}\n{keep}\n"
        done = self._run(["bash", "-c", script], {"PATH": os.environ["PATH"]})
        self.printed = done.stdout
        if done.returncode:
            raise BlockError(f"exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def python(self, code: str, until: str = "") -> str:
        """Run a program to its end, or `until` it has printed something; what it printed.

        Raises:
            BlockError: it failed, or ended first.
        """
        return self.run([sys.executable, "-u", "-c", self.demo.here(code)], until)

    def run(self, arguments: list[str], until: str = "") -> str:
        """Run any command, with the shell's variables, likewise."""
        if until:
            return self._until(arguments, until)
        done = self._run(arguments, self.variables())
        self.printed = done.stdout
        if done.returncode:
            raise BlockError(f"exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _until(self, arguments: list[str], until: str) -> str:
        lines: list[str] = []
        process = subprocess.Popen(
            arguments,
            cwd=self.directory,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        reading = threading.Thread(target=lines.extend, args=(process.stdout,))
        reading.start()
        try:
            eventually(lambda: until in "".join(lines), PATIENCE_S, what=f"it prints {until!r}")
        except AssertionError as error:
            raise BlockError(f"{error}; it printed:\n{''.join(lines)}") from None
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            reading.join()
            process.stdout.close()
        self.printed = "".join(lines)
        return self.printed

    def variables(self) -> dict[str, str]:
        """What the shell has set so far."""
        told = self._run(["bash", "-c", f"set -a; . {self._state}; env -0"], {"PATH": os.environ["PATH"]})
        pairs = (one.partition("=") for one in told.stdout.split("\0") if one)
        return {name: value for name, _, value in pairs}

    def _run(self, arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments,
            cwd=self.directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def get(self, path: str) -> httpx.Response:
        """What the server answers to whoever has the shell's ``TOKEN``, or to anybody."""
        token = self.variables().get("TOKEN", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(f"{self.demo.url}{path}", headers=headers, timeout=10, trust_env=False)
