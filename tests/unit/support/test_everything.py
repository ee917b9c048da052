"""The order of `make test`: the checks beside the making of images, then the suite on them; what ends it, ends all."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.environment import ROOT, clean_environment
from tests.support.waiting import eventually

PROGRAM = """
import sys
from tests import everything
from tests.support.servers import standins
standins.needed = lambda: {needed}
standins._SCRIPT = {script!r}
everything.CHECKS = ["sh", "-c", {checks!r}]
everything.SUITE = ["sh", "-c", {suite!r}, "suite"]
sys.exit(everything.run(sys.argv[1:]))
"""
START = "echo export MOSQUITTO_IMAGE=made; echo export PYTHON_IMAGE=a=b"
SUITE = 'echo "suite $*: $MOSQUITTO_IMAGE $CAUSEWAY_TEST_MOSQUITTO_IMAGE $PYTHON_IMAGE"'

Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Starts it with made-up steps, in a directory whose file ``stopped`` appears with the end of the stand-ins."""

    def begin(
        checks: str = "echo checks", suite: str = SUITE, start: str = START, *, needed: bool = True
    ) -> "subprocess.Popen[str]":
        script = tmp_path / "standins"
        script.write_text(f'#!/bin/sh\n[ "$1" = start ] || {{ : >stopped; exit 0; }}\n{start}\n')
        script.chmod(0o755)
        program = PROGRAM.format(needed=needed, script=str(script), checks=checks, suite=suite)
        return subprocess.Popen(
            [sys.executable, "-c", program, "-k", "twin"],
            cwd=tmp_path,
            env={**clean_environment(), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    """Exit status, lines of output, standard error."""
    output, errors = process.communicate(timeout=30)
    return process.returncode, output.splitlines(), errors


@pytest.mark.parametrize("module", ["tests.prerequisites", "tests.everything"])
def test_they_begin_before_any_package_is_installed(module: str) -> None:
    without_packages = [sys.executable, "-S", "-c", f"import {module}"]
    subprocess.run(without_packages, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True, timeout=30)


def test_the_suite_runs_last_on_the_images_that_were_made(begin: Begin, tmp_path: Path) -> None:
    assert ended(begin()) == (0, ["checks", "suite -k twin: made made a=b"], "")
    assert (tmp_path / "stopped").exists()


def test_images_are_made_while_the_checks_run(begin: Begin, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "both")  # opens only when the other opens it too
    assert ended(begin(checks="echo met >both", start=f"read met <both; {START}"))[0] == 0


def test_without_need_nothing_is_made(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSQUITTO_IMAGE", "mine")
    monkeypatch.delenv("CAUSEWAY_TEST_MOSQUITTO_IMAGE", raising=False)
    monkeypatch.delenv("PYTHON_IMAGE", raising=False)
    assert ended(begin(needed=False)) == (0, ["checks", "suite -k twin: mine  "], "")
    assert not (tmp_path / "stopped").exists()


def test_after_a_failed_check_no_test_runs(begin: Begin, tmp_path: Path) -> None:
    assert ended(begin(checks="echo wrong; exit 2")) == (2, ["wrong"], "")
    assert (tmp_path / "stopped").exists()


def test_failed_tests_are_its_failure(begin: Begin) -> None:
    assert ended(begin(suite="exit 1"))[0] == 1
    assert ended(begin(suite="kill -9 $$"))[0] == 128 + signal.SIGKILL


def test_without_the_images_the_tests_run_and_it_is_told(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOSQUITTO_IMAGE", "CAUSEWAY_TEST_MOSQUITTO_IMAGE", "PYTHON_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    status, lines, errors = ended(begin(start="echo no network >&2; exit 1"))
    assert (status, lines[-1]) == (0, "suite -k twin:   ")
    assert errors == "no network\nthe stand-in images could not be made\n"


def test_sigterm_ends_the_step_and_what_was_started(begin: Begin, tmp_path: Path) -> None:
    process = begin(suite=": >running; exec sleep 60")
    eventually((tmp_path / "running").exists)
    process.terminate()
    assert ended(process)[0] == 128 + signal.SIGTERM
    assert (tmp_path / "stopped").exists()
