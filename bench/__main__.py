"""``python -m bench``: run the scenarios, alternating their installations; write a table and var/bench/results.json."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Final

from bench.drive.running import RESULTS, run
from bench.programs.lines import allow_files
from bench.report import document, profile

OUTPUT: Final = Path("var/bench")


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status: 0 also when a limit did not hold (the table says so)."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="fewer and shorter rounds: some 13 minutes (default)")
    amount.add_argument(
        "--full", action="store_true", help="longer rounds, all scenarios and installations: some 40 minutes"
    )
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO", help="this one; may be repeated")
    parser.add_argument("--on", action="append", default=[], metavar="INSTALLATION", help="as --only: Causeway, …")
    parser.add_argument("--rounds", type=int, help="at most so many of each scenario on each installation")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIRECTORY", help="default: %(default)s")
    options = parser.parse_args(arguments)
    allow_files(5_000)  # the most sockets of any scenario, at a server; what is started from here inherits it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    results = run(
        full=options.full, only=tuple(options.only), on=tuple(options.on), rounds=options.rounds, output=options.output
    )
    print(document.page(results, document.SUMMARY))
    if options.full and not options.only and not options.on:
        profile.add(options.output / RESULTS)  # the results are worth something without it, too
    return 0


def _stop(number: int, _frame: object) -> None:
    """End all that was started, in order; a second signal does not disturb that."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
