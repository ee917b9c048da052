import asyncio
import contextlib
import signal
from collections.abc import Iterable
from typing import Any

import uvloop
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.ingest.ownership import ShardLost
from devices.ingest.shard_list import parse_shards


class Command(BaseCommand):
    help = (
        "Run device workers: the only writers of their shards' devices. They wait for a Redis or database that is not "
        "there. SIGTERM or SIGINT finishes the running transaction and stops cleanly."
    )
    requires_system_checks: tuple[str, ...] = ()  # our own are run below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--shards", metavar="LIST", help="which shards: 0-3 or 0,2; without it, all")

    def handle(self, *_args: Any, **options: Any) -> None:
        for problem in run_checks(tags=["causeway"], include_deployment_checks=True):
            raise CommandError(str(problem.msg))
        of = settings.DEVICES.shards
        try:
            shards = parse_shards(options["shards"], of) if options["shards"] is not None else range(of)
        except ValueError as error:
            raise CommandError(f"--shards: {error}") from None
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvloop.run(_main(shards))
        except ShardLost as lost:
            raise CommandError(str(lost)) from None


async def _main(shards: Iterable[int]) -> None:
    from devices.ingest.worker import ignore_lost_cleanups, run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(ignore_lost_cleanups)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(shards, stop)
