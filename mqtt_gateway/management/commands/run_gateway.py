import asyncio
import contextlib
import signal
from typing import Any

import structlog
import uvloop
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError

from mqtt_gateway.connection.subscriptions import AllForbiddenError
from mqtt_gateway.gateway import run
from mqtt_gateway.options import problem
from mqtt_gateway.process.storage import FiltersOverlapError
from runtime.gc_tuning import collect_seldom

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Run the MQTT gateway: the link between the broker (MQTT_URL) and the device workers. "
        "It waits for a broker, Redis or database that is not there, and stands by while another one has "
        "its GATEWAY_NAME. SIGTERM or SIGINT stops it cleanly."
    )
    requires_system_checks: tuple[str, ...] = ()  # our own are run below

    def handle(self, *_args: Any, **_options: Any) -> None:
        if message := _first_problem():
            raise CommandError(message)
        with contextlib.suppress(KeyboardInterrupt):
            try:
                uvloop.run(_main())
            except (FiltersOverlapError, AllForbiddenError) as error:
                raise CommandError(str(error)) from None


def _first_problem() -> str | None:
    """What keeps the gateway from starting, naming the variable."""
    found = run_checks(tags=["causeway"], include_deployment_checks=True)
    return problem(settings.GATEWAY) or next((str(check.msg) for check in found), None)


async def _main() -> None:
    collect_seldom()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings.GATEWAY, stop)
