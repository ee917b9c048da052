"""``python -m bench``: run the scenarios, alternating their installations; write a table and var/bench/results.json.

``python -m bench check`` says of such a file whether what must hold does; ``python -m bench compare ../other`` runs
this checkout and another one side by side.
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Final

from bench.drive.running import RESULTS, compare, run
from bench.installations.checkout import name_of
from bench.measure.results import OURS
from bench.programs.lines import allow_files
from bench.report import document, profile
from bench.report.check import check
from bench.report.comparison import comparison
from bench.scenarios import scenarios

OUTPUT: Final = Path("var/bench")
COMPARED: Final = ("rates/lone", "rates/200", "rates/2000")
_MOST_SOCKETS: Final = 5_000  # of any scenario, at a server; what is started from here inherits it


def main(arguments: list[str] | None = None) -> int:
    """Carry out what the command line says; returns the exit status.

    A run's is 0 also when a limit did not hold (the table says so); ``check`` is there to judge.
    """
    options = _parser().parse_args(arguments)
    allow_files(_MOST_SOCKETS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    return int(options.carry_out(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    parser.set_defaults(carry_out=_run)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="fewer and shorter rounds: some 22 minutes (default)")
    amount.add_argument("--full", action="store_true", help="longer rounds, all scenarios and installations: some 75")
    parser.add_argument("--on", action="append", default=[], metavar="INSTALLATION", help="as --only: Causeway, …")
    _add_common(parser, rounds=None)
    commands = parser.add_subparsers(title="other commands", metavar="")
    comparing = commands.add_parser("compare", help="this checkout and another, side by side")
    comparing.set_defaults(carry_out=_compare)
    comparing.add_argument("root", type=Path, metavar="PATH", help="of the other checkout")
    _add_common(comparing, rounds=5)
    checking = commands.add_parser("check", help="does a run's results.json have what must hold? Exit status 1: no")
    checking.set_defaults(carry_out=_check)
    checking.add_argument("results", nargs="?", type=Path, default=OUTPUT / RESULTS, help="default: %(default)s")
    _add_only(checking)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, rounds: int | None) -> None:
    _add_only(parser)
    parser.add_argument("--rounds", type=int, default=rounds, help="so many of each scenario on each installation")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIRECTORY", help="default: %(default)s")


def _add_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO", help="this one; may be repeated")


def _run(options: argparse.Namespace) -> int:
    only, on = tuple(options.only), tuple(options.on)
    results = run(full=options.full, only=only, on=on, rounds=options.rounds, output=options.output)
    print(document.page(results, document.SUMMARY))
    if options.full and not only and not on:
        profile.add(options.output / RESULTS)  # the results are worth something without it, too
    return 0


def _compare(options: argparse.Namespace) -> int:
    only, output = tuple(options.only) or COMPARED, options.output / "compare"
    results = compare(options.root, only=only, rounds=options.rounds, output=output)
    print(comparison(results, name_of(OURS, options.root)))
    return 0


def _check(options: argparse.Namespace) -> int:
    said, held = check(json.loads(options.results.read_text()), scenarios(tuple(options.only)))
    print(said)
    return int(not held)


def _stop(number: int, _frame: object) -> None:
    """End all that was started, in order; a second signal does not disturb that."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
