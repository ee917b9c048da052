"""run_handlers as a child of a device worker: there as long as that is, anew whenever it ends."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from django.test import modify_settings, override_settings

from devices.handlers.process import beside
from tests.support.waiting import eventually_async

PROGRAM = """
import os, signal, sys, time
with open({path!r}, "a") as told:
    told.write(" ".join([str(os.getpid()), *sys.argv[1:]]) + chr(10))
{ends}
time.sleep(600)
"""


def started(tmp_path: Path) -> list[list[str]]:
    told = tmp_path / "told"
    return [line.split() for line in told.read_text().splitlines()] if told.exists() else []


def program(tmp_path: Path, ends: str = "") -> None:
    (tmp_path / "manage.py").write_text(PROGRAM.format(path=str(tmp_path / "told"), ends=ends))


async def test_it_is_started_anew_and_ends_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path)
    monkeypatch.setattr(beside, "_FIRST_S", 0.01)
    stop = asyncio.Event()
    with override_settings(BASE_DIR=tmp_path):
        keeping = asyncio.create_task(beside.keep(stop))
        await eventually_async(lambda: len(started(tmp_path)) == 1)
        assert started(tmp_path)[0][1:] == ["run_handlers", "--parent", str(os.getpid())]
        os.kill(int(started(tmp_path)[0][0]), signal.SIGKILL)
        await eventually_async(lambda: len(started(tmp_path)) == 2)
        stop.set()
        await keeping
    with pytest.raises(ProcessLookupError):
        os.kill(int(started(tmp_path)[1][0]), 0)


async def test_without_any_handler_it_is_left_alone(tmp_path: Path) -> None:
    program(tmp_path, "sys.exit(0)")
    stop = asyncio.Event()
    with override_settings(BASE_DIR=tmp_path):
        keeping = asyncio.create_task(beside.keep(stop))
        await eventually_async(lambda: len(started(tmp_path)) == 1)
        await asyncio.sleep(0)
        stop.set()
        await keeping
    assert len(started(tmp_path)) == 1


def test_only_with_an_app_that_has_the_module() -> None:
    assert not beside.has_handlers()
    with modify_settings(INSTALLED_APPS={"append": "tests.apps.irrigation"}):
        assert beside.has_handlers()
