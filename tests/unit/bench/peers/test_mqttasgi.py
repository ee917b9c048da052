import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.peers import mqttasgi


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is run, and nothing is: a venv is but a directory here."""
    ran: list[str] = []

    def run(command: list[Any], *, check: bool) -> None:
        assert check
        ran.append(" ".join(map(str, command)))
        (tmp_path / "venv").mkdir(exist_ok=True)

    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_it_is_installed_by_hashes_into_an_environment_of_its_own(commands: list[str], tmp_path: Path) -> None:
    assert mqttasgi.install(tmp_path / "venv") == tmp_path / "venv"
    environment, pip = commands
    assert environment.endswith(f"-m venv --clear {tmp_path}/venv")
    assert pip.startswith(f"{tmp_path}/venv/bin/python -m pip install")
    assert "--require-hashes" in pip


def test_it_is_installed_once_until_the_pins_change(commands: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        mqttasgi.install(tmp_path / "venv")
    assert len(commands) == 2
    (tmp_path / "venv/installed.txt").write_text("mqttasgi==1.0")
    mqttasgi.install(tmp_path / "venv")
    assert len(commands) == 4


def test_an_installation_that_broke_off_is_begun_anew(commands: list[str], tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    mqttasgi.install(tmp_path / "venv")
    assert len(commands) == 2
