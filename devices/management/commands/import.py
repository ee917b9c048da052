import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.history.imports.handing_over import Account, HandingOver, Told, UnknownDevicesError, Wishes, begun
from devices.history.imports.influxdb import DeviceNames
from devices.history.imports.records import SourceError
from devices.history.imports.sources import FormatName, How, digest_of, format_of, opened
from devices.management.reasons import one_line

_ASKED_BY: Final = "system:import"
_NAMED: Final = 20  # devices in a message
_PATIENT_S: Final = 15.0


class Command(BaseCommand):
    help = (
        "Bring readings or events back in from files: CSV, NDJSON or Parquet as export writes them, annotated CSV of "
        "InfluxDB, CSV of ThingsBoard's tables (docs/export.md). The device workers have to run. A file takes effect "
        "once: interrupted, the same command goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=get_args(FormatName), help="else by name and first line")
        strangers = parser.add_mutually_exclusive_group()
        strangers.add_argument("--create-devices", action="store_true", help="make the devices that there are not")
        strangers.add_argument("--skip-unknown", action="store_true", help="pass by the records of such devices")
        parser.add_argument("--as-news", action="store_true", help="judge alerts and call handlers on it")
        parser.add_argument("--again", action="store_true", help="forget that the file was imported before")
        foreign = parser.add_argument_group("InfluxDB and ThingsBoard")
        foreign.add_argument("--device", default="", metavar="SITE/DEVICE", help="whose all rows are; or")
        foreign.add_argument("--site", default="", help="where the devices are, whose names")
        foreign.add_argument("--device-column", default="", metavar="NAME", help="this column or tag has")
        foreign.add_argument("--zone", type=_zone, default="UTC", help="of times that name none: Europe/Berlin, say")

    def handle(self, *_args: Any, **options: Any) -> None:
        files: list[Path] = options["files"]
        for file in files:
            try:
                with one_line():
                    self._import(file, options)
            except UnknownDevicesError as error:
                raise CommandError(
                    f"{file}: there is no {_some(error.names)}: add --create-devices, or --skip-unknown"
                ) from None
            except SourceError as error:
                raise CommandError(f"{file}: {error}") from None
            except KeyboardInterrupt:
                raise CommandError("interrupted: the same command goes on") from None

    def _import(self, file: Path, options: dict[str, Any]) -> None:
        names = DeviceNames(options["device"], options["site"], options["device_column"])
        how = How(options["format"] or format_of(file), names, options["zone"])
        imported = begun(digest_of(file, how), file.name, _ASKED_BY, again=options["again"])
        wishes = Wishes(options["create_devices"], options["skip_unknown"], options["as_news"], _ASKED_BY)
        with closing(opened(file, how)) as source, _bar(file.name) as told:
            account = HandingOver(imported, wishes, told).run(source)
        self.stderr.write(f"{file}: {_in_words(account)}.", ending="\n")
        if account.result.refused:
            reasons = (f"{key} ({reason})" for key, reason in account.result.refused.items())
            raise CommandError(f"{file}: not imported of {_some(list(reasons))}")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ArgumentTypeError(f"{name!r} is no time zone") from None


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _in_words(account: Account) -> str:
    result = account.result
    parts = [f"{result.imported} records imported"]
    counted = {
        "imported earlier": account.earlier + result.repeated,
        "there before": result.known,
        "quarantined": result.quarantined,
        "values not taken as they stand (GET …/notes)": account.notes,
    }
    parts += [f"{count} {what}" for what, count in counted.items() if count]
    if account.unknown:
        parts.append(f"{account.unknown.total()} passed by, of {_some(list(account.unknown))}")
    return ", ".join(parts)


@contextmanager
def _bar(name: str) -> Iterator[Told]:
    """A progress bar on a terminal; nothing elsewhere."""
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left, {postfix}"
    with tqdm(total=1.0, desc=name, file=sys.stderr, disable=None, bar_format=form) as bar:

        def told(account: Account, done: float) -> None:
            silent = ", no worker answers: do they run?" if account.waits_s > _PATIENT_S else ""
            bar.set_postfix_str(f"{account.result.imported:,} records{silent}", refresh=False)
            bar.update(done - bar.n)

        yield told
