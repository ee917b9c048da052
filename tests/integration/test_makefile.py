"""The commands of README.md that are make's own business."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import ROOT, clean_environment

TARGETS = ("setup", "demo", "prerequisites", "test", "lint", "format", "bench", "lock", "clean")


def make(*arguments: str, directory: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=directory,
        env={**clean_environment(), "ARGS": "", **environment},  # make passes on what this run was asked for
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_make_alone_lists_the_targets() -> None:
    listing = make()
    assert listing.returncode == 0
    assert set(TARGETS) <= {line.split()[1] for line in listing.stdout.splitlines()}


def test_setup_has_nothing_to_do_when_nothing_changed() -> None:
    if not (ROOT / ".venv/.base.stamp").exists():
        pytest.fail("run the tests by `make test`: this checks the set-up that it made")
    asked = make("--question", "setup")  # by the stamps' times alone, and without a command
    assert asked.returncode == 0, asked.stdout + asked.stderr


def test_ports_reach_the_demo() -> None:
    assert (
        "PORT=8123 MQTT_PORT=18830 exec .venv/bin/python manage.py demo"
        in make("--dry-run", "demo", "PORT=8123", "MQTT_PORT=18830").stdout
    )


def bare(directory: Path, *names: str) -> str:
    """A PATH that has sh, make and the programs of these names only; the Makefile is in `directory`."""
    programs = directory / "bin"
    programs.mkdir()
    for name in ("sh", "make", *names):
        (programs / name).symlink_to(shutil.which(name) or "")
    shutil.copy(ROOT / "Makefile", directory)
    (directory / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "find-python", directory / "scripts")
    return str(programs)


def test_the_tests_begin_with_what_they_need() -> None:
    first, *others = make("--dry-run", "test", "ARGS=-k twin").stdout.splitlines()
    assert first == ".venv/bin/python -m tests.prerequisites"
    assert others == ["MAKE=make .venv/bin/python -m tests.everything -k twin"]


@pytest.mark.parametrize("target", ["test", "pytest"])
def test_what_the_tests_need_is_told_in_one_line_before_anything_else(tmp_path: Path, target: str) -> None:
    path = bare(tmp_path, "rm")  # without apt-get nobody may install
    shutil.copytree(ROOT / "tests" / "support", tmp_path / "tests" / "support")
    shutil.copy(ROOT / "tests" / "prerequisites.py", tmp_path / "tests")
    failed = make(target, f"PYTHON={sys.executable}", directory=tmp_path, PATH=path)
    assert (failed.returncode, failed.stdout) == (2, "")
    told, of_make = failed.stderr.splitlines()
    assert "chromium" in told
    assert "docker.io" in told
    assert "prerequisites] Error 1" in of_make
    assert not list(tmp_path.glob(".venv/.*.stamp"))


def test_parts_of_the_suite_need_what_they_use() -> None:
    assert "tests.prerequisites" not in make("--dry-run", "pytest", "ARGS=tests/unit").stdout


@pytest.mark.parametrize("target", ["setup", "demo"])
def test_the_demo_needs_nothing_of_it(target: str) -> None:
    assert "tests.prerequisites" not in make("--dry-run", target).stdout


def test_ci_runs_the_tests_and_ends_as_they_do(tmp_path: Path) -> None:
    path = bare(tmp_path, "dirname")
    (tmp_path / ".ci").mkdir()
    run = shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text("test:\n\t@echo $(MAKECMDGOALS) $(CI); exit 7\n")
    done = subprocess.run([run], env={"PATH": path}, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (2, "test true\n")


def test_without_a_python_it_says_so_in_one_line(tmp_path: Path) -> None:
    path = bare(tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    failed = make("setup", directory=tmp_path, PATH=path)
    assert failed.returncode != 0
    assert "Causeway needs Python 3.11 or later" in failed.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()
