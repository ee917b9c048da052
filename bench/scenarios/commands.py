"""Commands there and back: REST → device → ``done`` on the WebSocket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from bench.drive.tools import Tool, python
from bench.installations.installation import CAUSEWAY, USER, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, total_cpu_s
from bench.measure.usage import Meter
from bench.scenarios import Scenario
from tests.support.waiting import eventually

SITE: Final = "actors"
DEVICES: Final = 32
TOGETHER: Final = 16


def measure(operators: int, installation: Installation, effort: Effort) -> Measured:
    """Some operators, each with one command under way."""
    assert isinstance(installation, Causeway)
    command = python("bench.programs.command_operators", url=installation.system.url, site=SITE, operators=operators)
    token = installation.system.token(USER, "admin", None)
    with devices(installation), Tool("operators", command, {"TOKEN": token}) as team:
        team.ask("run 0.5")  # warm-up
        with Meter({**installation.pids(), "recorder": [team.pid]}).running() as meter:
            came = team.ask(f"run {effort.seconds}")
            usage = meter.read()
    figures = {
        "round_trips_per_s": came["done"] / came["seconds"],
        **{name: came[name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")},
        "cpu_ms_per_command": total_cpu_s(usage) / came["done"] * 1000,
    }
    return Measured(figures, usage)


@contextmanager
def devices(installation: Causeway) -> Iterator[None]:
    """Devices that obey at once, registered."""
    command = python("bench.programs.echo_devices", port=installation.mqtt_port, site=SITE, devices=DEVICES)
    with Tool("devices", command):
        api = installation.system.api(USER, "admin", None)
        for number in range(DEVICES):  # the shards' workers register each in its own time
            path = f"/devices/{SITE}/d{number}"
            eventually(partial(_is_there, api, path), what=f"{path} is registered")
        yield


def _is_there(api: Callable[..., Any], path: str) -> bool:
    return bool(api("GET", path).is_success)


def _scenario(name: str, what: str, operators: int, *limits: Limit) -> Scenario:
    return Scenario(
        name=f"commands/{name}",
        title="Commands",
        what=f"Round trips REST → device (which answers at once) → `done` on the WebSocket, {what}",
        measure=partial(measure, operators),
        on=(CAUSEWAY,),
        figures=("round_trips_per_s", "p50_ms", "p99_ms", "cpu_ms_per_command"),
        limits=limits,
    )


SCENARIOS = (
    _scenario("1", "one at a time", 1),
    _scenario(str(TOGETHER), f"{TOGETHER} at a time", TOGETHER),
)
