import argparse
import asyncio
import contextlib
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mqtt_gateway.options import problem
from mqtt_gateway.simulator import SimulatorError, SimulatorOptions, simulate
from mqtt_gateway.simulator.dialects import NAMES


class Command(BaseCommand):
    help = (
        "Simulate devices on the broker at MQTT_URL: they report telemetry, obey commands and desired state, and "
        "sometimes drop off. SIGTERM or SIGINT stops them; they go offline then."
    )
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--devices", type=int, default=25, help="how many (default: 25)")
        parser.add_argument("--dialect", default="native", choices=NAMES, help="which they speak (default: native)")
        parser.add_argument("--rate", type=float, default=1, help="messages a second and device (default: 1)")
        parser.add_argument("--site", default="demo", help="their site (default: demo)")
        parser.add_argument("--seconds", type=float, help="stop after so many (default: run until stopped)")
        parser.add_argument("--seed", type=int, help="the same seed gives the same devices")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            simulation = _options(options)
            with contextlib.suppress(KeyboardInterrupt):
                uvloop.run(_main(simulation))
        except (ValueError, SimulatorError) as error:
            raise CommandError(str(error)) from None


def _options(arguments: dict[str, Any]) -> SimulatorOptions:
    """The command line, and the gateway's broker.

    Raises:
        ValueError: in one line.
    """
    gateway = settings.GATEWAY
    if message := problem(gateway):
        raise ValueError(message)
    ours = ("dialect", "devices", "rate", "site", "seconds", "seed")
    shared = ("host", "port", "tls", "websocket_path", "ca_file", "username", "password", "version", "topic_root")
    return SimulatorOptions(
        **{name: arguments[name] for name in ours}, **{name: getattr(gateway, name) for name in shared}
    )


async def _main(options: SimulatorOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await simulate(options, stop)
