from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.management.reasons import one_line
from devices.models import CalculatedMetric
from devices.requests.refusals import RefusalError
from devices.web.device.calculated import store

_MOST_BYTES = 4 * 1024 * 1024


class Command(BaseCommand):
    help = (
        "Load calculated metrics (docs/calculated.md) from a YAML file: a list. One takes the place of the one with "
        "its site and metric; others stay, unless --replace is given. Nothing is changed if one of them is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete those that the file has not")

    def handle(self, *_args: Any, **options: Any) -> None:
        with one_line():
            found = _read(options["file"])
            changed, deleted = store.load_all(found, "system:load_calculated_metrics", replace=options["replace"])
        self.stdout.write(
            f"{changed} calculated metrics changed, {deleted} deleted; there are {CalculatedMetric.objects.count()}."
        )


def _read(file: Path) -> list[Any]:
    try:
        text = file.read_bytes()
        if len(text) > _MOST_BYTES:
            raise CommandError(f"{file}: over {_MOST_BYTES} bytes")
        value = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise CommandError(f"{file}: {' '.join(str(error).split())}") from None
    if not isinstance(value, list):
        raise CommandError(f"{file}: it is no list")
    for number, one in enumerate(value, start=1):
        try:
            store.checked(one)
        except RefusalError as error:
            raise CommandError(f"{file}: number {number}: {error}") from None
    return value
