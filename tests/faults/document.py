"""``python -m tests.faults.document``: put the tables of all runs in ``var/faults`` into ``docs/guarantees.md``."""

import sys
from pathlib import Path

from tests.faults import report

PAGE = Path("docs/guarantees.md")
BEGIN = "<!-- written by python -m tests.faults.document: begin -->\n"
END = "<!-- end -->\n"


def put(page: str, text: str) -> str:
    """`page` with `text` between the markers, instead of what was there.

    Raises:
        ValueError: it has not just one pair of markers.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError("the page must have the two marker lines once each")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Returns the exit status."""
    rounds = report.read(report.OUTPUT.glob("*.json"))
    if not rounds:
        print(f"there is nothing in {report.OUTPUT}: run make faults first", file=sys.stderr)
        return 1
    PAGE.write_text(put(PAGE.read_text(), f"{report.summary(rounds)}\n{report.tables(rounds)}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
