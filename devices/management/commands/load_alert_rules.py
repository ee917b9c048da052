from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from devices.management.reasons import one_line
from devices.management.yaml_lists import read_list
from devices.models import AlertRule
from devices.web.alerts import store


class Command(BaseCommand):
    help = (
        "Load alert rules (docs/alerts.md) from a YAML file: a list of rules. A rule takes the place of the one with "
        "its site and name; others stay, unless --replace is given. Nothing is changed if one of them is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete the alert rules that the file has not")

    def handle(self, *_args: Any, **options: Any) -> None:
        with one_line():
            found = read_list(options["file"], "rule", store.checked)
            changed, deleted = store.load(found, "system:load_alert_rules", replace=options["replace"])
        self.stdout.write(f"{changed} alert rules changed, {deleted} deleted; there are {AlertRule.objects.count()}.")
