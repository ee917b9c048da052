import signal
from typing import Any

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge.registry import RegistrationError
from devices.handlers.process.supervisor import Supervisor
from devices.handlers.registry import discover
from runtime.signal_event import SignalEvent


class Command(BaseCommand):
    help = (
        "Run the handlers of the installed apps, each in a child process. Several of these share each handler's shards "
        "evenly. Waits for a Redis or database that is not there. SIGTERM or SIGINT finishes the running transactions, "
        "gives the shards up and stops cleanly."
    )
    requires_system_checks: tuple[str, ...] = ()  # our own are run below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--parent",
            type=int,
            metavar="PID",
            help="end with this process, which has started us; having no handler is no error",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        for problem in run_checks(tags=["causeway"], include_deployment_checks=True):
            raise CommandError(str(problem.msg))
        try:
            specs = discover()
        except RegistrationError as error:
            raise CommandError(str(error)) from None
        parent = options["parent"]
        if not specs and parent:
            return
        if not specs:
            raise CommandError("no installed app has a handler: none has a causeway.py with causeway.on")
        stop = SignalEvent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Supervisor(specs, parent).run(stop)
