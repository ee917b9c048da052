from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.management.reasons import one_line
from devices.requests import handlers

_COLUMNS: Final = (
    "name", "version", "state", "since", "processes", "lag", "handled", "failures", "parked", "waiting", "dead_letters",
    "tasks",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "List the handlers of the installed apps, with how many commits each lags behind and how often it failed; or "
        "pause one, let it go on (resume), begin anew from the beginning (rebuild), or try again at once what waits "
        "at parked devices and what was given up (replay)."
    )
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", nargs="?", choices=("pause", "resume", "rebuild", "replay"))
        parser.add_argument("name", nargs="?", metavar="NAME", help="the handler's, as the list has it")
        parser.add_argument("--json", action="store_true", help="print the list as JSON, a handler a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        verb, name = options["verb"], options["name"]
        if verb is not None and name is None:
            raise CommandError(f"{verb}: say which handler")
        with one_line():
            if verb is not None:
                getattr(handlers, verb)(name)
            found = handlers.report(name)
        if options["json"]:
            for one in found:
                self.stdout.write(msgspec.json.encode(one).decode())
        else:
            self._table(found)

    def _table(self, found: list[handlers.HandlerReport]) -> None:
        rows = [_COLUMNS, *(tuple(_cell(one, column) for column in _COLUMNS) for one in found)]
        widths = [max(len(row[number]) for row in rows) for number in range(len(_COLUMNS))]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for one in found:
            if one.why:
                self.stdout.write(f"{one.name} failed last at {_time(one.failed_ms)}: {one.why}")


def _cell(one: handlers.HandlerReport, column: str) -> str:
    return _time(one.since_ms) if column == "since" else str(getattr(one, column))


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
