"""``python -m tests.lanes [PYTEST-ARGUMENTS]``: the whole suite, in four pytest processes at once (``make pytest``).

Tests on real servers wait most of the time. Two lanes have every other integration test each, the third has what needs
no servers, the fourth all the rest. The first shows its tests as they run, the others are shown at the end. Each has
servers and ports of its own. With arguments there is one lane, of what they name.

Four lanes on two cores are a load of their own: up to three tests that failed are run once more, alone. What fails
again fails the run; what passes is listed as UNSTEADY, and is to be looked into.
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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

TESTS = Path(__file__).parent
SPLIT = "integration"  # takes about as long as all the rest
ON_SERVERS = {"browser", "compose", "docs", "faults"}
NOT_TESTS = {"support"}
PYTEST = [sys.executable, "-m", "pytest"]
BROKEN_OFF = "pytest"  # in place of a test, for a lane that ended otherwise
AGAIN = 3  # failures that the load may be to blame for; of more it is not


def lanes() -> tuple[list[Path], ...]:
    """The paths of each lane's tests; the first lane's are shown as they run."""
    split = _tests(TESTS / SPLIT)
    rest = [path for path in _tests(TESTS) if path.name not in {SPLIT, *NOT_TESTS}]
    on_servers = [path for path in rest if path.name in ON_SERVERS]
    return split[::2], split[1::2], [path for path in rest if path not in on_servers], on_servers


def _tests(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() or path.match("test_*.py")]
    return [path for path in found if not path.name.startswith(("_", "."))]


def start(number: int, paths: Sequence[Path | str], summary: Path, output: int | None) -> "subprocess.Popen[bytes]":
    """One lane's pytest, which leaves its counts in `summary` (see ``conftest.py``)."""
    environment = {**os.environ, "CAUSEWAY_TEST_LANE": str(number), "CAUSEWAY_TEST_SUMMARY": str(summary)}
    return subprocess.Popen([*PYTEST, *map(str, paths)], env=environment, stdout=output, stderr=output)


def read(summary: Path, status: int) -> dict[str, Any]:
    """What a lane has left behind: how many tests passed, which failed and why, and whether it broke off."""
    found: dict[str, Any] = json.loads(summary.read_text()) if summary.exists() else {}
    found = {"passed": 0, "skipped": 0, "failures": {}, "unsteady": {}, **found}
    if status and not found["failures"]:
        found["failures"][BROKEN_OFF] = f"it ended with {status}: see above"
    return found


def alone(summaries: Sequence[dict[str, Any]], once_more: Callable[[list[str]], dict[str, Any]]) -> None:
    """Run what failed beside other lanes once more, if it is little; what passes then counts as unsteady."""
    failed = [test for one in summaries for test in one["failures"]]
    if not 0 < len(failed) <= AGAIN or BROKEN_OFF in failed:
        return
    again = once_more(failed)["failures"]
    for one in [] if BROKEN_OFF in again else summaries:
        for test in one["failures"].keys() - again.keys():
            one["unsteady"][test] = one["failures"].pop(test)


def together(summaries: Sequence[dict[str, Any]], seconds: float) -> Iterator[str]:
    """The end of the report, of all lanes, in pytest's words."""
    counts = Counter[str]()
    for said, of_all in (("UNSTEADY", "unsteady"), ("FAILED", "failures")):
        for test, reason in ((test, reason) for one in summaries for test, reason in one[of_all].items()):
            yield f"{said} {test} - {reason}"
            counts["failed" if of_all == "failures" else of_all] += 1
    for one in summaries:
        counts["passed"] += one["passed"]
        counts["skipped"] += one["skipped"]
    counts = +counts
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
    alone(counted, lambda tests: once_more(tests, directory / "again.json"))
    print("\n".join(together(counted, time.monotonic() - begun_s)))
    return int(any(one["failures"] for one in counted))


def once_more(tests: Sequence[str], summary: Path) -> dict[str, Any]:
    """The tests alone, shown as they run."""
    print(f"once more, alone: {', '.join(tests)}", flush=True)
    return read(summary, start(0, tests, summary, None).wait())


def main() -> int:
    """Returns the exit status."""
    if sys.argv[1:]:
        os.execv(sys.executable, [*PYTEST, *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="causeway-lanes-") as directory:
        return run(Path(directory))


if __name__ == "__main__":
    sys.exit(main())
