import asyncio
import contextlib
import signal
from collections.abc import Iterable
from typing import Any, Final

import uvloop
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.worker.ownership.fence import ReshardedError
from devices.worker.rules.shard_list import format_shards, parse_shards

_MAX_LIST_CHARS: Final = 200  # Worker.pinned


class Command(BaseCommand):
    help = (
        "Run device workers: the only writers of their shards' devices. The living ones share the shards evenly. They "
        "wait for a Redis or database that is not there. SIGTERM or SIGINT finishes the running transaction, gives the "
        "shards up and stops cleanly."
    )
    requires_system_checks: tuple[str, ...] = ()  # our own are run below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--shards", metavar="LIST", help="these shards, and no others: 0-3 or 0,2; without it, an even share of all"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        for problem in run_checks(tags=["causeway"], include_deployment_checks=True):
            raise CommandError(str(problem.msg))
        try:
            shards = _pinned(options["shards"])
        except ValueError as error:
            raise CommandError(f"--shards: {error}") from None
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvloop.run(_main(shards))
        except ReshardedError as reason:
            raise CommandError(str(reason)) from None


def _pinned(text: str | None) -> list[int]:
    """The shards of ``--shards``; none without it."""
    if text is None:
        return []
    shards = parse_shards(text, settings.DEVICES.shards)
    if len(format_shards(shards)) > _MAX_LIST_CHARS:
        raise ValueError("the list has too many parts")
    return shards


async def _main(shards: Iterable[int]) -> None:
    from devices.handlers.process import beside
    from devices.worker.process.supervisor import run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    is_kept = settings.HANDLERS_IN_WORKERS and beside.has_handlers()
    handlers = [asyncio.create_task(beside.keep(stop))] if is_kept else []
    try:
        await run(shards, stop)
    finally:
        stop.set()
        await asyncio.gather(*handlers)
