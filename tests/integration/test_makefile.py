"""The commands of README.md that are make's own business."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.environment import ROOT, clean_environment
from tests.support.waiting import promptly

TARGETS = ("setup", "demo", "test", "lint", "format", "bench", "lock", "clean")


def make(*arguments: str, directory: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=directory,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_make_alone_lists_the_targets() -> None:
    listing = make()
    assert listing.returncode == 0
    assert set(TARGETS) <= {line.split()[1] for line in listing.stdout.splitlines()}


def test_setup_is_quick_when_nothing_changed() -> None:
    if not (ROOT / ".venv/.base.stamp").exists():
        pytest.fail("run the tests by `make test`: this checks the set-up that it made")

    def setup() -> float:
        started = time.monotonic()
        assert make("setup").returncode == 0
        return time.monotonic() - started

    promptly(setup, 1)


def test_ports_reach_the_demo() -> None:
    assert (
        "PORT=8123 MQTT_PORT=18830 exec .venv/bin/python manage.py demo"
        in make("--dry-run", "demo", "PORT=8123", "MQTT_PORT=18830").stdout
    )


def test_without_a_python_it_says_so_in_one_line(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "make"):
        (programs / name).symlink_to(shutil.which(name) or "")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    failed = make("setup", directory=tmp_path, PATH=str(programs))
    assert failed.returncode != 0
    assert "Causeway needs Python 3.11 or later" in failed.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()
