import signal
import sys
from pathlib import Path

import pytest

from tests.support.servers.processes import CommandError, Process, ProcessEndedError, end_all, run_command, tails

OBEDIENT = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {OBEDIENT}"
ENVIRONMENT = "import os; print(os.environ.get('MQTT_URL'), os.environ.get('REDIS_URL'))"


def python(code: str, directory: Path, name: str = "child") -> Process:
    return Process(name, [sys.executable, "-c", code], {}, directory / f"{name}.log")


def test_life_of_a_process(tmp_path: Path) -> None:
    process = python(OBEDIENT, tmp_path).start()
    process.wait_for_line(r"^ready$")
    assert ("child", "ready") in tails()
    first = process.pid
    process.restart().wait_for_line("ready", since=process.position())
    assert process.pid != first
    assert process.count_lines("ready") == 2
    process.kill()
    assert process.returncode == -signal.SIGKILL
    assert ("child", "ready\nready") not in tails()


def test_waiting_for_the_line_of_a_process_that_ended_shows_its_log(tmp_path: Path) -> None:
    process = python("print('bad settings'); raise SystemExit(2)", tmp_path).start()
    with pytest.raises(ProcessEndedError, match=r"child ended with 2:\nbad settings"):
        process.wait_for_line("ready")
    assert process.terminate() == 2


def test_a_process_that_ignores_sigterm_is_killed_and_told(tmp_path: Path) -> None:
    process = python(STUBBORN, tmp_path).start()
    process.wait_for_line("ready")
    with pytest.raises(AssertionError, match=r"child still ran 0.1 s after SIGTERM"):
        process.terminate(0.1)
    assert not process.is_alive()


def test_all_end_together(tmp_path: Path) -> None:
    both = [python(OBEDIENT, tmp_path, name).start() for name in ("one", "two")]
    end_all(both)
    assert [process.returncode for process in both] == [-signal.SIGTERM, -signal.SIGTERM]


def test_commands_see_only_the_settings_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://somewhere")
    done = run_command([sys.executable, "-c", ENVIRONMENT], {"MQTT_URL": "mqtt://here"})
    assert done.stdout == "mqtt://here None\n"


def test_a_failed_command_shows_its_output() -> None:
    with pytest.raises(CommandError, match="because"):
        run_command([sys.executable, "-c", "raise SystemExit('because')"], {})
