"""scripts/find-python: which of several interpreters .venv is made with."""

import subprocess
from pathlib import Path

import pytest

from tests.support.environment import ROOT

OPTIMIZED, PLAIN = "--enable-optimizations", "--prefix=/opt"


def interpreter(path: Path, built: str, *, usable: bool = True) -> Path:
    """A stand-in that was built so; it answers the script's question."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\ncase "{built}" in *"$3"*) exit {0 if usable else 1} ;; esac\nexit 1\n')
    path.chmod(0o755)
    return path


def found(path: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    """What the script says with that PATH."""
    command = ["/bin/sh", str(ROOT / "scripts" / "find-python"), *map(str, arguments)]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False, timeout=30)


def test_the_one_that_is_named_is_taken_however_it_was_built(tmp_path: Path) -> None:
    named = interpreter(tmp_path / "own" / "python", PLAIN)
    interpreter(tmp_path / "python3", OPTIMIZED)
    assert found(tmp_path, named).stdout == f"{named}\n"


@pytest.mark.parametrize("built", [OPTIMIZED, PLAIN])
def test_the_first_usable_is_taken(tmp_path: Path, built: str) -> None:
    interpreter(tmp_path / "python3", built, usable=False)
    second = interpreter(tmp_path / "python3.12", built)
    interpreter(tmp_path / "python3.11", built)
    assert found(tmp_path).stdout == f"{second}\n"


def test_the_systems_comes_before_one_that_was_built_without_optimizations(tmp_path: Path) -> None:
    system = Path("/usr/bin/python3")
    usable = ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"]
    has_system = system.exists() and subprocess.run([system, *usable], check=False, capture_output=True).returncode == 0
    plain = interpreter(tmp_path / "python3", PLAIN)
    assert found(Path(f"{tmp_path}:/usr/bin")).stdout == f"{system if has_system else plain}\n"
    optimized = interpreter(tmp_path / "python3", OPTIMIZED)
    assert found(Path(f"{tmp_path}:/usr/bin")).stdout == f"{optimized}\n"


def test_none_is_told(tmp_path: Path) -> None:
    told = found(tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert "Causeway needs Python 3.11 or later" in told.stderr
