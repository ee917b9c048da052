import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.history.exports import files
from devices.history.exports.files import ExportError, Progress
from devices.history.exports.formats import FormatName
from devices.history.exports.selection import Piece, RowKind, Selection
from devices.management.reasons import one_line
from devices.management.times import moment
from devices.models import Device, Site
from runtime.database_clock import asked_now

_FORMATS: Final = get_args(FormatName)
_ENDINGS: Final = {"csv": "csv", "ndjson": "ndjson", "jsonl": "ndjson", "parquet": "parquet"}


class Command(BaseCommand):
    help = (
        "Write readings or events into a file: CSV, NDJSON or Parquet (docs/export.md). One that was interrupted goes "
        "on with --resume. Without FILE, or as -, it goes to standard output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=Path("-"), metavar="FILE")
        parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="the same")
        parser.add_argument("--format", choices=_FORMATS, help="otherwise by the file's name; csv")
        parser.add_argument("--kind", choices=get_args(RowKind), default="readings")
        parser.add_argument("--device", action="append", default=[], metavar="SITE/DEVICE", help="may be repeated")
        parser.add_argument("--site", action="append", default=[], help="may be repeated")
        parser.add_argument("--metric", action="append", default=[], help="only these; may be repeated")
        parser.add_argument("--since", type=moment, metavar="TIME", help="by ts, inclusive: Unix ms or RFC 3339")
        parser.add_argument("--until", type=moment, metavar="TIME", help="exclusive")
        parser.add_argument("--resume", action="store_true", help="go on with an interrupted export into FILE")
        parser.add_argument("--overwrite", action="store_true", help="begin anew, whatever is there")

    def handle(self, *_args: Any, **options: Any) -> None:
        file: Path = options["output"] or options["file"]
        format_name: FormatName = options["format"] or _ENDINGS.get(file.suffix.removeprefix("."), "csv")  # type: ignore[assignment]
        try:
            with one_line():
                self._export(file, format_name, _selection(options), options)
        except ExportError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted" if str(file) == "-" else "interrupted: go on with --resume") from None

    def _export(self, file: Path, format_name: FormatName, selection: Selection, options: dict[str, Any]) -> None:
        if str(file) == "-":
            if format_name == "parquet":
                raise ExportError("Parquet needs a file: it can't be written to standard output")
            files.stream(selection, format_name, sys.stdout.buffer, lambda _piece, _progress: None)
            return
        resume, overwrite = options["resume"], options["overwrite"]
        progress = files.begin(file, selection, format_name, resume=resume, overwrite=overwrite)
        with _bar(selection.found_devices().count()) as bar:
            progress = files.write(file, progress, bar)
        self.stderr.write(f"{progress.rows} {selection.kind} written to {file}.", ending="\n")


def _selection(options: dict[str, Any]) -> Selection:
    """What was asked for.

    Raises:
        ExportError: a device or site that there isn't; a metric of events.
    """
    devices, sites = tuple(dict.fromkeys(options["device"])), tuple(dict.fromkeys(options["site"]))
    for key in devices:
        if not Device.objects.filter(key=key).exists():
            raise ExportError(f"--device: there is no {key}")
    for name in sites:
        if not Site.objects.filter(name=name).exists():
            raise ExportError(f"--site: there is no {name}")
    if options["metric"] and options["kind"] == "events":
        raise ExportError("--metric: events have none")
    received = round(asked_now().timestamp() * 1000)
    metrics = tuple(dict.fromkeys(options["metric"]))
    return Selection(options["kind"], devices, sites, metrics, options["since"], options["until"], received)


@contextmanager
def _bar(devices: int) -> Iterator[Any]:
    """A progress bar on a terminal: how many of the devices; nothing elsewhere."""
    from tqdm import tqdm

    form = "{percentage:3.0f}% |{bar}| {elapsed}, {remaining} left, {postfix}"
    with tqdm(total=max(1, devices), file=sys.stderr, disable=None, bar_format=form) as bar:

        def told(piece: Piece, progress: Progress) -> None:
            bar.set_postfix_str(f"{progress.rows:,} rows", refresh=False)
            bar.update(piece.done - bar.n)

        yield told
