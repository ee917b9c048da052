"""``python -m bench.report.document [results.json]``: make docs/performance.md and its pictures from a run's results.

The words are in performance.md.in beside this file, a ``string.Template``; each ``$name`` in it is a function, so no
figure is typed by hand. A section (``## …``) that rests on something which the run did not measure is replaced by a
line that says so. The results are kept as docs/performance.json, and tests/test_docs.py holds page and data together.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

from bench.report import chapters, outlook, planning
from bench.report.picture import Bar, draw
from bench.report.planning import MissingError

DOCS: Final = Path("docs")
RESULTS: Final = Path("var/bench/results.json")
_TEMPLATE: Final = Path(__file__).with_name("performance.md.in")

Block = Callable[[Mapping[str, Any]], str]
BLOCKS: Final[Mapping[str, Block]] = {
    "headline": chapters.headline,
    "machine": chapters.machine,
    "against": chapters.against,
    "ceiling": chapters.ceiling,
    "must_hold": chapters.must_hold,
    "scenarios": chapters.scenarios,
    "cpu": chapters.cpu,
    "memory": chapters.memory,
    "profile": chapters.profile,
    "full": lambda _: f"{planning.FULL:.0%}".replace("%", " %"),
    "frames_per_s": lambda _: f"{planning.FRAMES_PER_S:g}",
    "watched": lambda _: f"{planning.WATCHED}",
    "most": outlook.most,
    "costs": outlook.costs,
    "examples": outlook.examples,
    "twin": outlook.twin,
    "first": outlook.first,
    "saturation": outlook.saturation,
    "run": chapters.run,
}


class _Blocks(dict[str, str]):
    """The blocks that a text asks for, and no others."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        super().__init__()
        self._results = results

    def __missing__(self, name: str) -> str:
        return BLOCKS[name](self._results)


def page(results: Mapping[str, Any], template: str | None = None) -> str:
    """docs/performance.md.

    Args:
        results: as results.json has them.
        template: instead of performance.md.in.

    Raises:
        KeyError: the template asks for a block that there is not.
    """
    text = template if template is not None else _TEMPLATE.read_text()
    return "".join(_section(part, results) for part in re.split(r"(?m)^(?=## )", text))


def _section(text: str, results: Mapping[str, Any]) -> str:
    try:
        return re.sub(r" +$", "", Template(text).substitute(_Blocks(results)), flags=re.MULTILINE)
    except MissingError as what:
        heading = text.partition("\n")[0]
        return f"{heading}\n\nLeft out: this run did not measure {what}.\n\n"


def pictures(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Paths below docs/ and what is to be in them."""
    for name, profile in results.get("profile", {}).items():
        bars = [Bar(role, one.get("areas") or {role: one["cpu_us"]}) for role, one in profile["roles"].items()]
        title = f"Where the time goes: {profile['title']}"
        yield chapters.picture_path(name), draw(title, f"µs of CPU per {profile['unit']}, by process", bars)


def write(results: Mapping[str, Any], docs: Path = DOCS) -> None:
    """Page, data and pictures."""
    (docs / "performance.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for path, svg in pictures(results):
        (docs / path).write_text(svg)
    (docs / "performance.md").write_text(page(results))


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.report.document", description=sys.modules[__name__].__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not options.results.exists():
        parser.error(f"there is no {options.results}: run make bench first")
    write(json.loads(options.results.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
