"""Bytes written a message at the rate of a small installation: what an SD card has to bear."""

from typing import Final

from bench.drive.driving import Rig
from bench.installations.installation import CAUSEWAY, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured
from bench.measure.written import log_bytes, written_bytes
from bench.peers.candidates import ON_SQLITE
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario

RATE: Final = 25.0
_SECONDS, _FULL_SECONDS = 30.0, 120.0
_SETTLED_S: Final = 5.0  # at that rate before it counts
OURS_ALONE: Final = ("gateway", "workers", "web")
"""Roles."""


def measure(installation: Installation, effort: Effort) -> Measured:
    """All that our processes had written to SQLite's files, beats too; or what PostgreSQL put into its log."""
    assert isinstance(installation, Causeway)
    with Rig(installation) as rig:
        rig.warm_up()
        rig.stretch(RATE, _SETTLED_S)
        before = _written(installation)
        trial = rig.trial(RATE, _FULL_SECONDS if effort.full else _SECONDS)
        written = _written(installation) - before
    return Measured({"written_bytes_per_message": written / trial.sent, **trial.figures()}, trial.usage)


def _written(installation: Causeway) -> int:
    url = installation.system.settings["DATABASE_URL"]
    if url.startswith("postgres"):
        return log_bytes(url)
    return sum(written_bytes({role: pids for role, pids in installation.pids().items() if role in OURS_ALONE}).values())


SCENARIOS: Final = (
    Scenario(
        name="written",
        title="Bytes written",
        what=f"At {RATE:g} messages/s from 200 devices: bytes a message that go into PostgreSQL's write-ahead log; on "
        "SQLite all that Causeway's processes write",
        measure=measure,
        on=(CAUSEWAY, ON_SQLITE),
        figures=("written_bytes_per_message", "p50_ms", "p99_ms"),
        limits=(
            Limit("written_bytes_per_message", "≤", 8_000, text="at most 8 kB of PostgreSQL's log a message"),
            Limit(
                "written_bytes_per_message", "≤", 8_000, whose=ON_SQLITE.name, text="at most 8 kB a message on SQLite"
            ),
            NOTHING_LOST,
            NOTHING_REPEATED,
        ),
    ),
)
