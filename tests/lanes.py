"""``python -m tests.lanes [PYTEST-ARGUMENTS]``: the whole suite, in four pytest processes at once (``make pytest``).

Tests on real servers wait most of the time. Two lanes have every other integration test each, the third has what needs
no servers, the fourth all the rest. The first shows its tests as they run, the others are shown at the end. Each has
servers and ports of its own. With arguments there is one lane, of what they name.
"""

import contextlib
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
SPLIT = "integration"  # takes about as long as all the rest
ON_SERVERS = {"browser", "compose", "docs", "faults"}
NOT_TESTS = {"support"}
PYTEST = [sys.executable, "-m", "pytest"]


def lanes() -> tuple[list[Path], ...]:
    """The paths of each lane's tests; the first lane's are shown as they run."""
    split = _tests(TESTS / SPLIT)
    rest = [path for path in _tests(TESTS) if path.name not in {SPLIT, *NOT_TESTS}]
    on_servers = [path for path in rest if path.name in ON_SERVERS]
    return split[::2], split[1::2], [path for path in rest if path not in on_servers], on_servers


def _tests(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() or path.match("test_*.py")]
    return [path for path in found if not path.name.startswith(("_", "."))]


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
    """The end of the report, of all lanes, in pytest's words."""
    for one in summaries:
        yield from (f"FAILED {test}" for test in one["failures"])
    counts = sum((Counter(one["counts"]) for one in summaries), Counter[str]())
    said = ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)) or "nothing run"
    yield f" {said} in {seconds:.2f}s ".center(80, "=")


def run(directory: Path) -> int:
    """All lanes; returns the exit status."""
    begun_s, numbered = time.monotonic(), list(enumerate(lanes()))
    summaries = [directory / f"lane-{number}.json" for number, _ in numbered]
    with contextlib.ExitStack() as stack:
        hidden = [stack.enter_context((directory / f"output-{number}").open("w+b")) for number, _ in numbered[1:]]
        outputs = [None, *(output.fileno() for output in hidden)]
        running = [start(number, paths, summaries[number], outputs[number]) for number, paths in numbered]

        def stop(number: int, _frame: FrameType | None) -> None:
            for lane in running:
                lane.send_signal(number)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the lanes by itself; they end in order
        statuses = [lane.wait() for lane in running]
        for output in hidden:
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
