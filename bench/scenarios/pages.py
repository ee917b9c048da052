"""The pages in a real browser: how soon the fleet is there, how soon known values are, how smooth it stays."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from playwright.sync_api import Error as BrowserError

from bench.drive.driving import load_plan
from bench.drive.tools import BenchError, Publisher, python
from bench.installations.installation import Candidate, Causeway, Effort, Installation, causeway
from bench.measure.limits import Limit
from bench.measure.results import OURS, Measured
from bench.pages.visitor import Visitor, visiting
from bench.scenarios import Scenario
from tests.support.clients.browser import chromium
from tests.support.servers.processes import run_command
from tests.support.worlds.system import System

FEW, MANY = 200, 5_205
CHANGES_PER_S: Final = 200.0
_MOVING_S: Final = 15.0
_BUSY: Final = "bench/d0"
_ROWS: Final = ".fleet-body .fleet-row"
_REGISTER_S: Final = 300


def _register(devices: int, system: System) -> None:
    run_command(python("bench.programs.registering", devices=devices), system.settings, timeout_s=_REGISTER_S)


def _fleet(devices: int) -> Candidate:
    return Candidate(OURS, partial(causeway, change=partial(_register, devices)))


@contextlib.contextmanager
def _visitor(installation: Installation) -> Iterator[Visitor]:
    assert isinstance(installation, Causeway)
    try:
        with chromium() as browser, visiting(browser, installation.system) as visitor:
            yield visitor
    except BrowserError as problem:
        raise BenchError(f"the browser: {problem}") from problem


def loading(installation: Installation, effort: Effort, *, devices: int, is_slow: bool) -> Measured:  # noqa: ARG001
    """From the navigation, with an empty cache, until the first rows and the whole fleet are there."""
    with _visitor(installation) as visitor:
        visitor.prepare("probe.js")
        visitor.page.add_init_script(f"benchProbe.watchLoading({devices})")
        visitor.forget_files()
        if is_slow:
            visitor.use_fast_3g()
        visitor.open("/")
        visitor.wait("benchProbe.whole_ms !== null")
        first_ms, whole_ms = visitor.probe("first_ms"), visitor.probe("whole_ms")
    return Measured({"first_rows_s": first_ms / 1000, "whole_fleet_s": whole_ms / 1000})


def returning(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """From the click on a device until its known values are painted, and from Back until the fleet is."""
    with _visitor(installation) as visitor:
        _show_fleet(visitor, FEW)
        link, told = f"a[href='/devices/{_BUSY}']", '".metric-value", "21.5"'
        device_ms = visitor.probe(f'painted("{link}", {told})')
        back_ms = visitor.probe(f'painted(null, "{_ROWS}", "21.5")')
    return Measured({"device_ms": device_ms, "back_ms": back_ms})


def moving(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """The longest task of the page while each device changes every second: on the fleet's page, and on a device's."""
    with _visitor(installation) as visitor, Publisher(load_plan(installation, devices=FEW)) as publisher:
        _show_fleet(visitor, FEW)
        fleet_ms = _longest_task_ms(visitor, partial(publisher.run, 0, _MOVING_S, CHANGES_PER_S))
        visitor.page.click(f"a[href='/devices/{_BUSY}']")
        visitor.wait("document.querySelector('.chart canvas')")
        more = partial(publisher.run, int(_MOVING_S * CHANGES_PER_S) * 2, _MOVING_S, CHANGES_PER_S)
        device_ms = _longest_task_ms(visitor, more)
    return Measured({"fleet_longest_task_ms": fleet_ms, "device_longest_task_ms": device_ms})


def _show_fleet(visitor: Visitor, devices: int) -> None:
    visitor.prepare("probe.js")
    visitor.page.add_init_script(f"benchProbe.watchLoading({devices})")
    visitor.open("/")
    visitor.wait("benchProbe.whole_ms !== null")
    visitor.page.wait_for_load_state("networkidle")


def _longest_task_ms(visitor: Visitor, run: Callable[[], object]) -> float:
    visitor.probe("longest_ms = 0")
    run()
    return float(visitor.probe("longest_ms"))


_FLEETS: Final = {devices: _fleet(devices) for devices in (FEW, MANY)}


def _scenario(name: str, devices: int, measure: Callable[..., Measured], what: str, **fields: Any) -> Scenario:
    on, rounds = (_FLEETS[devices],), (3, 3)
    return Scenario(
        name=f"pages/{name}",
        title="The pages",
        what=what,
        measure=measure,
        on=on,
        rounds=rounds,
        full_only=True,
        **fields,
    )


SCENARIOS: Final = (
    _scenario(
        "local",
        FEW,
        partial(loading, devices=FEW, is_slow=False),
        f"From the navigation to the fleet's page until its first rows, and all of {FEW} devices, are there",
        figures=("first_rows_s", "whole_fleet_s"),
        limits=(Limit("first_rows_s", "≤", 0.5, text="200 devices locally: the first row within 0.5 s"),),
    ),
    _scenario(
        "returning",
        FEW,
        returning,
        "From a click on a device until its known values are painted, and from Back until the fleet is",
        figures=("device_ms", "back_ms"),
        limits=(
            Limit("device_ms", "≤", 100, text="known values painted within 100 ms of the click"),
            Limit("back_ms", "≤", 100, text="the fleet painted within 100 ms of Back"),
        ),
    ),
    _scenario(
        "moving",
        FEW,
        moving,
        f"The longest task while {FEW} devices change each second, on the fleet's page and on a device's",
        figures=("fleet_longest_task_ms", "device_longest_task_ms"),
        limits=(
            Limit("fleet_longest_task_ms", "≤", 100, text="no task over 100 ms on the fleet's page"),
            Limit("device_longest_task_ms", "≤", 100, text="no task over 100 ms on a device's page"),
        ),
    ),
    _scenario(
        "3g",
        MANY,
        partial(loading, devices=MANY, is_slow=True),
        f"The same with {MANY:,} devices at 1.6 Mbit/s and 150 ms a round trip",
        figures=("first_rows_s", "whole_fleet_s"),
        limits=(
            Limit("first_rows_s", "≤", 2, text="5,205 devices on fast 3G: the first rows within 2 s"),
            Limit("whole_fleet_s", "≤", 6, text="5,205 devices on fast 3G: the whole fleet within 6 s"),
        ),
    ),
)
