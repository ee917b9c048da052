import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django.core.management.commands.startapp import Command as DjangosCommand

import causeway

_TEMPLATE: Final = Path(causeway.__file__).parent / "app_template"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")


class Command(DjangosCommand):
    help = (
        "Write a Django app for Causeway into a new folder NAME here: a page with a passing test. Install it by "
        "CAUSEWAY_APPS=NAME (docs/extending/). With --template, another one's files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(template=str(_TEMPLATE), extensions=["py", "js"])

    def handle(self, **options: Any) -> None:  # type: ignore[override]  # as Django's own
        if not _NAME.match(options["name"]):
            raise CommandError("NAME: 1 to 32 of a-z 0-9 _, beginning with a letter")
        super().handle(**{**options, "causeway_version": causeway.__version__})
