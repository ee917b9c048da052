"""``python -m tests.lanes [PYTEST-ARGUMENTS]``: the whole suite, in two pytest processes at once (``make pytest``).

Tests on real servers wait most of the time. One lane has the integration tests and shows them as they run; the other
has all the rest, and is shown at the end. Each has servers and ports of its own. With arguments there is one lane, of
what they name.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

TESTS = Path(__file__).parent
SHOWN = "integration"
NOT_TESTS = {"support"}
PYTEST = [sys.executable, "-m", "pytest"]


def lanes() -> tuple[list[Path], list[Path]]:
    """The paths of the tests that are shown as they run, and those of all others."""
    found = [path for path in sorted(TESTS.iterdir()) if path.is_dir() or path.match("test_*.py")]
    tests = [path for path in found if path.name not in NOT_TESTS and not path.name.startswith(("_", "."))]
    return [path for path in tests if path.name == SHOWN], [path for path in tests if path.name != SHOWN]


def start(number: int, paths: Sequence[Path], summary: Path, output: int | None) -> "subprocess.Popen[bytes]":
    """One lane's pytest, which leaves its counts in `summary` (see ``conftest.py``)."""
    environment = {**os.environ, "CAUSEWAY_TEST_LANE": str(number), "CAUSEWAY_TEST_SUMMARY": str(summary)}
    return subprocess.Popen([*PYTEST, *map(str, paths)], env=environment, stdout=output, stderr=output)


def read(summary: Path, status: int) -> dict[str, Any]:
    """What a lane has left behind; one that ended otherwise than by failed tests has an error."""
    found: dict[str, Any] = json.loads(summary.read_text()) if summary.exists() else {"counts": {}, "failures": []}
    if status and not found["failures"]:
        found["counts"]["error"] = 1
        found["failures"].append(f"pytest ended with {status}: see above")
    return found


def together(summaries: Sequence[dict[str, Any]], seconds: float) -> Iterator[str]:
    """The end of the report, of both lanes, in pytest's words."""
    for one in summaries:
        yield from (f"FAILED {test}" for test in one["failures"])
    counts = sum((Counter(one["counts"]) for one in summaries), Counter[str]())
    said = ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)) or "nothing run"
    yield f" {said} in {seconds:.2f}s ".center(80, "=")


def run(directory: Path) -> int:
    """Both lanes; returns the exit status."""
    begun_s, shown_and_rest = time.monotonic(), lanes()
    summaries = [directory / f"lane-{number}.json" for number in range(2)]
    with (directory / "output").open("w+b") as output:
        rest = start(1, shown_and_rest[1], summaries[1], output.fileno())
        shown = start(0, shown_and_rest[0], summaries[0], None)

        def stop(number: int, _frame: FrameType | None) -> None:
            for lane in (shown, rest):
                lane.send_signal(number)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the lanes by itself; they end in order
        statuses = [shown.wait(), rest.wait()]
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    counted = [read(summary, status) for summary, status in zip(summaries, statuses, strict=True)]
    print("\n".join(together(counted, time.monotonic() - begun_s)))
    return max(statuses, key=abs)


def main() -> int:
    """Returns the exit status."""
    if sys.argv[1:]:
        os.execv(sys.executable, [*PYTEST, *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="causeway-lanes-") as directory:
        return run(Path(directory))


if __name__ == "__main__":
    sys.exit(main())
