"""The engine of this process: given by run_devices, or made at the first message under a plain ``runworker``."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

import structlog
from django.conf import settings

from devices.worker.ownership.fence import ReshardedError
from devices.worker.process.engine import Engine

log = structlog.get_logger(__name__)


class _Process:
    """What there is once a process."""

    engine: Engine | None = None
    by_itself: "asyncio.Task[None] | None" = None  # runs an engine that nobody gave


_process: Final = _Process()


@contextlib.contextmanager
def engine_given(engine: Engine) -> Iterator[None]:
    """For its time this engine is the process's; whoever gives it runs it."""
    if _process.engine is not None:
        raise RuntimeError("this process has an engine already")
    _process.engine = engine
    try:
        yield
    finally:
        _process.engine = None


def engine_for(shard: int) -> Engine:
    """The engine of this process. If nobody has given one, it is made, and takes the shard as soon as that is free."""
    if _process.engine is None:
        _process.engine = Engine(settings.DEVICES, [shard])
        _process.by_itself = asyncio.create_task(_run(_process.engine), name="ingest")
        log.info("working unsupervised; run_devices is meant for it", shard=shard)
    if _process.by_itself is not None and shard not in _process.engine.pinned:
        _process.engine.pin(shard)
    return _process.engine


async def _run(engine: Engine) -> None:
    """Nobody supervises: without its engine, the process must end rather than swallow messages."""
    try:
        await engine.run()
    except ReshardedError as reason:
        log.error(str(reason))  # noqa: TRY400  expected, and one line
    except Exception:
        log.exception("the engine died: a bug")
    os.kill(os.getpid(), signal.SIGTERM)
