import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.management.reasons import one_line
from devices.models import Mapping
from devices.requests.refusals import RefusalError
from devices.web.mappings import store


class Command(BaseCommand):
    help = (
        "Load mappings (docs/mappings.md) from a JSON file: an array of rules. A rule takes the place of the one with "
        "its site and pattern; others stay, unless --replace is given. Nothing is changed if one of them is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete the mappings that the file has not")

    def handle(self, *_args: Any, **options: Any) -> None:
        with one_line():
            found = _read(options["file"])
            loaded, deleted = store.load(found, "command/load_mappings", replace=options["replace"])
        self.stdout.write(f"{loaded} mappings loaded, {deleted} deleted; there are {Mapping.objects.count()}.")


def _read(file: Path) -> list[Any]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{file}: {error}") from None
    if not isinstance(value, list):
        raise CommandError(f"{file}: it is no array of rules")
    for number, one in enumerate(value, start=1):
        try:
            store.checked(one)
        except RefusalError as error:
            raise CommandError(f"{file}: rule {number}: {error}") from None
    return value
