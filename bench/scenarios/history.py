"""A day of one reading a second: stored as it comes in, and read again page by page."""

import time
from typing import Final

from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, USER, Api, Causeway, Effort, Installation
from bench.measure.results import Measured
from bench.measure.usage import Meter, cpu_s
from bench.programs.load import Generator
from bench.protocol.packets import Plan
from bench.scenarios import Scenario
from tests.support.waiting import eventually

DAY_S: Final = 86_400  # so many readings
BATCH: Final = 300  # readings of one payload
DEVICES: Final = 4
PAGE: Final = 1_000
_STORED_S: Final = 120.0
_DAY_MS: Final = DAY_S * 1000


def measure(installation: Installation, effort: Effort) -> Measured:  # noqa: ARG001  the same for quick and full
    """Some devices report a day each, in payloads of five minutes; then one of the days is read by REST."""
    assert isinstance(installation, Causeway)
    start_ms = int(time.time() * 1000) - _DAY_MS
    site = f"history-{start_ms}"  # new devices every time
    plan = Plan(port=installation.mqtt_port, site=site, devices=DEVICES, readings=BATCH, start_ms=start_ms)
    api = installation.system.api(USER, "admin", None)
    with Meter(installation.pids()) as meter:
        per_s = _store(plan, api)
    begun_s = cpu_s(installation.pids())["web"]
    day_s = _read(plan, api)
    web_us = (cpu_s(installation.pids())["web"] - begun_s) * 1e6
    read = {"day_s": day_s, "page_ms": day_s / (DAY_S / PAGE) * 1000, "web_cpu_us_per_row": web_us / DAY_S}
    return Measured({"readings_per_s": per_s, **read}, meter.usage)


def _store(plan: Plan, api: Api) -> float:
    """Readings a second, from the first PUBLISH until each device's last reading is there."""

    def stored() -> bool:
        twins = (api("GET", f"/devices/{plan.site}/{name}") for name in plan.names)
        return all(one.is_success and one.json()["metrics"]["n"]["value"] == DAY_S - 1 for one in twins)

    begun = time.monotonic()
    with Generator(plan) as generator:
        generator.run(messages=DAY_S // BATCH * DEVICES)
    eventually(stored, _STORED_S, what="the days are stored")
    return DAY_S * DEVICES / (time.monotonic() - begun)


def _read(plan: Plan, api: Api) -> float:
    """Seconds for all readings of one metric in one day, in pages as large as they may be.

    Raises:
        BenchError: they are not the day's.
    """
    asked = {"metric": "n", "since": plan.start_ms, "until": plan.start_ms + _DAY_MS, "limit": PAGE}
    begun, found = time.perf_counter(), []
    more: dict[str, str] | None = {}
    while more is not None:
        answer = api("GET", f"/devices/{plan.site}/d0/readings", params={**asked, **more}).raise_for_status().json()
        found += [item["metrics"]["n"] for item in answer["items"]]
        more = {"cursor": answer["next"]} if answer["next"] else None
    took_s = time.perf_counter() - begun
    if found != list(range(DAY_S)):
        raise BenchError(f"{len(found)} readings came back, or others than those of the day")
    return took_s


SCENARIOS: Final = (
    Scenario(
        name="history",
        title="History",
        what=f"Readings/s stored when {DEVICES} devices report a day at 1 Hz each ({BATCH} readings a payload); then "
        f"one device's day of one metric, {DAY_S:,} readings, is read by REST in pages of {PAGE:,}",
        measure=measure,
        on=(CAUSEWAY,),
        figures=("readings_per_s", "day_s", "page_ms", "web_cpu_us_per_row"),
    ),
)
