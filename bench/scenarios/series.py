"""Charts of long times: what ``GET /series`` takes where months are stored."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.drive.tools import python
from bench.installations.installation import USER, Api, Candidate, Causeway, Effort, Installation, causeway
from bench.measure.limits import Limit
from bench.measure.results import OURS, Measured
from bench.measure.usage import Meter
from bench.programs.loading import DAY_MS, MINUTE, MONTH_MS, SECOND, YEAR, YEAR_MS
from bench.scenarios import Scenario
from tests.support.servers.processes import run_command
from tests.support.worlds.history import query
from tests.support.worlds.system import System

DEVICES: Final = 50
TIMES: Final = 40  # each question is asked
LOADED_S: Final = 900.0
_ROWS: Final = "SELECT (SELECT count(*) FROM devices_rollup), (SELECT count(*) FROM devices_reading)"

_TEMPERATURE: Final = {"metric": "temperature", "points": 500}
_MANY: Final = [f"{MINUTE}{number}" for number in range(DEVICES)]
QUESTIONS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "day_p95_ms": (DAY_MS, {"device": SECOND}),
    "month_p95_ms": (MONTH_MS, {"device": SECOND}),
    "year_p95_ms": (YEAR_MS, {"device": YEAR}),
    "devices_p95_ms": (MONTH_MS, {"device": _MANY}),
}


def measure(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """Ask each question a number of times, once to warm up."""
    assert isinstance(installation, Causeway)
    api = installation.system.api(USER, "admin", None)
    with Meter(installation.pids()) as meter:
        figures = {name: _p95_ms(api, span_ms, asked) for name, (span_ms, asked) in QUESTIONS.items()}
    return Measured(figures | _loading, meter.usage)


def _p95_ms(api: Api, span_ms: int, asked: dict[str, Any]) -> float:
    took_ms = []
    for number in range(TIMES + 1):
        until = time.time_ns() // 1_000_000
        begun = time.perf_counter()
        answer = api("GET", "/series", params={**_TEMPERATURE, **asked, "since": until - span_ms, "until": until})
        if number:
            took_ms.append((time.perf_counter() - begun) * 1000)
        found = answer.raise_for_status().json()["series"]
        assert len(found) == (len(asked["device"]) if isinstance(asked["device"], list) else 1), found
        assert all(250 <= len(one["ts"]) <= 500 for one in found), [len(one["ts"]) for one in found]
    return sorted(took_ms)[round(0.95 * TIMES) - 1]


_loading: Final[dict[str, float]] = {}  # what loading has shown: once an installation, told by each round


@contextlib.contextmanager
def _loaded(directory: Path, name: str) -> Iterator[Causeway]:
    """With the history of bench.programs.loading, all of it rolled up."""

    def load(system: System) -> None:
        done = run_command(python("bench.programs.loading", devices=DEVICES), system.settings, timeout_s=LOADED_S)
        _loading.update(json.loads(done.stdout.splitlines()[-1]))

    with causeway(directory, name, change=load, workers=2, RETENTION_DAYS="400") as installation:
        (rows,) = query(installation.system, _ROWS)
        _loading["rollups_per_reading"] = rows[0] / rows[1]
        yield installation


LOADED: Final = Candidate(OURS, _loaded, full_only=True)

SCENARIOS: Final = (
    Scenario(
        name="series",
        title="Series",
        what=f"`GET /series` of one metric in 500 points, p95 of {TIMES}: a day and a month at 1 Hz, a year at 1/min, "
        f"a month of {DEVICES} devices at 1/min, of 5.3 million readings; and how many readings/s one process rolls up",
        measure=measure,
        on=(LOADED,),
        figures=(*QUESTIONS, "rolled_per_s", "rollups_per_reading"),
        limits=(
            Limit("day_p95_ms", "≤", 60, text="a day at 1 Hz in 60 ms"),
            Limit("month_p95_ms", "≤", 120, text="a month at 1 Hz in 120 ms"),
            Limit("year_p95_ms", "≤", 200, text="a year in 200 ms"),
            Limit("devices_p95_ms", "≤", 500, text="a month of 50 devices in 500 ms"),
            Limit("rollups_per_reading", "≤", 1, text="never more rollups than readings"),
        ),
        full_only=True,
    ),
)
