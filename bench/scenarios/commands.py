"""Commands there and back: REST → device → ``done`` on the WebSocket."""

from functools import partial
from typing import Final

from bench.drive.tools import Tool, python
from bench.installations.installation import CAUSEWAY, USER, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, total_cpu_s
from bench.measure.usage import Meter
from bench.peers.candidates import PLAIN
from bench.scenarios import Scenario

SITE: Final = "actors"
TOGETHER: Final = 16


def measure(operators: int, installation: Installation, effort: Effort) -> Measured:
    """Some operators, each with one command under way; devices that obey at once."""
    endpoint = installation.endpoint
    assert endpoint
    options = {"url": endpoint.url, "dialect": endpoint.dialect, "port": installation.mqtt_port}
    command = python("bench.programs.command_operators", **options, site=SITE, operators=operators)
    system = installation.system if isinstance(installation, Causeway) else None
    with Tool("operators", command, TOKEN=system.token(USER, "admin", None) if system else "") as team:
        if system:
            system.wait_registered(f"{SITE}/d{number}" for number in range(operators))
        team.ask("run 0.5")  # warm-up
        with Meter({**installation.pids(), "recorder": [team.pid]}) as meter:
            came = team.ask(f"run {effort.seconds}")
    figures = {
        "round_trips_per_s": came["done"] / came["seconds"],
        **{name: came[name] for name in ("p50_ms", "p99_ms", "max_ms")},
        "cpu_ms_per_command": total_cpu_s(meter.usage) / came["done"] * 1000,
    }
    return Measured(figures, meter.usage)


_NOT_BEHIND: Final = tuple(
    limit
    for plain in PLAIN
    for limit in (
        Limit("round_trips_per_s", "≥", times=1, of=plain.name, text=f"not fewer than {plain.name}"),
        Limit("p50_ms", "≤", times=1, of=plain.name, text=f"p50 not above that of {plain.name}"),
        Limit("cpu_ms_per_command", "≤", times=1, of=plain.name, text=f"not more CPU than {plain.name}"),
    )
)


def _scenario(operators: int, what: str, *limits: Limit) -> Scenario:
    return Scenario(
        name=f"commands/{operators}",
        title="Commands",
        what=f"Round trips REST → device (which answers at once) → `done` on the WebSocket, {what}",
        measure=partial(measure, operators),
        on=(CAUSEWAY, *PLAIN),
        figures=("round_trips_per_s", "p50_ms", "p99_ms", "cpu_ms_per_command"),
        limits=(Limit("cpu_ms_per_command", "≤", 6, text="at most 6 ms of CPU each"), *limits, *_NOT_BEHIND),
    )


SCENARIOS: Final = (
    _scenario(1, "one at a time", Limit("p50_ms", "≤", 10, text="p50 of one alone at most 10 ms")),
    _scenario(
        TOGETHER,
        f"{TOGETHER} at a time",
        Limit("round_trips_per_s", "≥", 250, text=f"at least 250 a second with {TOGETHER} under way"),
    ),
)
