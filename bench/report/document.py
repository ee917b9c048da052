"""``python -m bench.report.document [results.json]``: make docs/performance.md from a run's results.

The words are in performance.md.in beside this file; each ``$name`` in it is a function of ``chapters``, so no figure is
typed by hand. A section (``## …``) that rests on something which the run did not measure is replaced by a line that
says so. The results are kept as docs/performance.json, and tests/test_docs.py holds page and data together.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Final

from bench.measure.results import Results
from bench.report import chapters, planning

DOCS: Final = Path("docs")
RESULTS: Final = Path("var/bench/results.json")
TEMPLATE: Final = Path(__file__).with_name("performance.md.in").read_text()
SUMMARY: Final = "$scenarios\n\n## What must hold\n\n$must_hold\n\n## Memory\n\n$memory\n\n## CPU\n\n$cpu\n"
"""What a run prints."""
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
        return CONSTANTS.get(found[1]) or str(vars(chapters)[found[1]](results))

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
    options = parser.parse_args()
    if not options.results.exists():
        parser.error(f"there is no {options.results}: run make bench first")
    write(json.loads(options.results.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
