from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.management.reasons import one_line
from devices.worker.ownership.resharding import MAX_SHARDS, NotDrainedError, reshard


class Command(BaseCommand):
    help = (
        "Change the number of shards: at most as many device workers share the work. Only when all is drained: stop "
        "the gateways, then the device workers; start everything, web processes too, with BRIDGE_SHARDS=N afterwards."
    )
    requires_system_checks: tuple[str, ...] = ()  # BRIDGE_SHARDS need not be right yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("shards", metavar="N", type=int, help=f"1 to {MAX_SHARDS}")
        parser.add_argument(
            "--gone",
            metavar="CLIENT_ID",
            action="append",
            default=[],
            help="a gateway that will never come back, though it was not stopped in order",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        shards: int = options["shards"]
        if not 1 <= shards <= MAX_SHARDS:
            raise CommandError(f"N: it must be 1 to {MAX_SHARDS}")
        try:
            with one_line():
                former = reshard(shards, options["gone"])
        except NotDrainedError as reason:
            raise CommandError(str(reason)) from None
        if former == shards:
            self.stdout.write(f"there are {shards} shards already; nothing was changed")
        else:
            self.stdout.write(f"{former} shards are {shards} now; start everything with BRIDGE_SHARDS={shards}")
