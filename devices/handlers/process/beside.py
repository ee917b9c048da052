"""``manage.py run_handlers`` as a child of another process of ours: for the demo, and for small installations."""

import asyncio
import contextlib
import os
import random
import sys
from typing import Final

import structlog
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule

from runtime.backoff import backoff_s

log = structlog.get_logger(__name__)

_FIRST_S, _LONGEST_S = 1.0, 60.0  # before it is started anew
_STOP_S: Final = 7.0  # the demo gives each part a second more


def has_handlers() -> bool:
    """Whether an installed app has a module ``causeway``, where handlers stand. Imports none."""
    modules = (config.module for config in apps.get_app_configs())
    return any(module is not None and module_has_submodule(module, "causeway") for module in modules)


async def keep(stop: asyncio.Event) -> None:
    """Run it until told to stop, anew whenever it ends; it ends by itself should we be killed."""
    failures = 0
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(settings.BASE_DIR / "manage.py"), "run_handlers", "--parent", str(os.getpid())
        )
        await _ended_or(process, stop)
        if stop.is_set():
            await _end(process)
            return
        if not process.returncode:  # no app has a handler in it
            await stop.wait()
            return
        log.error("run_handlers has ended", status=process.returncode)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), backoff_s(failures, _FIRST_S, _LONGEST_S, random.random()))
        failures += 1


async def _ended_or(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
