from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from devices.management.reasons import one_line
from devices.management.yaml_lists import read_list
from devices.models import CalculatedMetric
from devices.web.device.calculated import store


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
            found = read_list(options["file"], "metric", store.checked)
            changed, deleted = store.load_all(found, "system:load_calculated_metrics", replace=options["replace"])
        self.stdout.write(
            f"{changed} calculated metrics changed, {deleted} deleted; there are {CalculatedMetric.objects.count()}."
        )
