"""``python -m bench.report.document [results.json]``: make docs/performance.md from a run's results.

With ``--with other.json`` the scenarios of another run take the place of those in the results, and say which run they
are of: ``python -m bench.report.document docs/performance.json --with var/bench/results.json``.

The words are in performance.md.in beside this file; each ``$name`` in it is a function of ``chapters``, ``by_rate`` or
``outlook``, so no figure is typed by hand. A section (``## …``) that rests on something which the run did not measure
is replaced by a line that says so. The results are kept as docs/performance.json, and tests/test_docs.py holds page
and data together.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.measure.results import Results
from bench.report import by_rate, chapters, outlook, planning
from bench.report.merging import merged
from bench.scenarios import scenarios

DOCS: Final = Path("docs")
RESULTS: Final = Path("var/bench/results.json")
TEMPLATE: Final = Path(__file__).with_name("performance.md.in").read_text()
SUMMARY: Final = "$scenarios\n\n## What must hold\n\n$must_hold\n\n## Memory\n\n$memory\n\n## CPU\n\n$cpu\n"
"""What a run prints."""
BLOCKS: Final[Mapping[str, Callable[[Results], str]]] = {
    name: made
    for module in (chapters, by_rate, outlook)
    for name, made in vars(module).items()
    if getattr(made, "__module__", "") == module.__name__ and not name.startswith("_")
}
CONSTANTS: Final = {
    "full": f"{planning.FULL * 100:g} %",
    "frames_per_s": f"{planning.FRAMES_PER_S:g}",
    "watched": f"{planning.WATCHED}",
}


def page(results: Results, template: str = TEMPLATE) -> str:
    """docs/performance.md, or what another template says, of what results.json has."""
    return "".join(_section(part, results) for part in re.split(r"(?m)^(?=## )", template))


def _section(text: str, results: Results) -> str:
    def block(found: re.Match[str]) -> str:
        return CONSTANTS.get(found[1]) or BLOCKS[found[1]](results)

    try:
        return re.sub(r" +$", "", re.sub(r"\$([a-z_]+)", block, text), flags=re.MULTILINE)
    except KeyError as missing:
        heading = text.partition("\n")[0]
        return f"{heading}\n\nLeft out: this run did not measure `{missing.args[0]}`.\n\n"


def write(results: Results, docs: Path = DOCS) -> None:
    """Page and data."""
    (docs / "performance.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (docs / "performance.md").write_text(page(results))


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="default: %(default)s")
    parser.add_argument("--with", dest="others", action="append", default=[], type=Path, help="another run's results")
    options = parser.parse_args()
    files = [options.results, *options.others]
    if missing := [file for file in files if not file.exists()]:
        parser.error(f"there is no {missing[0]}: run make bench first")
    results, *others = (json.loads(file.read_text()) for file in files)
    for other in others:
        results = merged(results, other, scenarios())
    write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
