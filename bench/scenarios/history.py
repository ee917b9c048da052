"""A day of one reading a second: stored as it comes in, and read again page by page."""

import time
from typing import Any, Final

import httpx

from bench.drive.tools import BenchError
from bench.installations.installation import CAUSEWAY, USER, Causeway, Effort, Installation
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
    plan = Plan(
        port=installation.mqtt_port,
        site=f"history-{start_ms}",  # new devices every time
        devices=DEVICES,
        readings=BATCH,
        start_ms=start_ms,
    )
    api = installation.system.api(USER, "admin", None)
    with Meter(installation.pids()).running() as meter:
        stored = _store(plan, api)
        usage = meter.read()
    begun_s = cpu_s(installation.pids())["web"]
    read = _read(f"{plan.site}/d0", start_ms, api)
    web_s = cpu_s(installation.pids())["web"] - begun_s
    return Measured({**stored, **read, "web_cpu_us_per_row": web_s / DAY_S * 1e6}, usage)


def _store(plan: Plan, api: Any) -> dict[str, float]:
    """From the first PUBLISH until the last device's last reading is there."""
    begun = time.monotonic()
    with Generator(plan) as generator:
        generator.run(messages=DAY_S // BATCH * DEVICES)
    for name in plan.names:
        eventually(lambda name=name: _last(plan, name, api), _STORED_S, what=f"{name}'s day is stored")  # type: ignore[misc]
    per_s = DAY_S * DEVICES / (time.monotonic() - begun)
    return {"readings_per_s": per_s}


def _last(plan: Plan, name: str, api: Any) -> bool:
    """Whether the twin has the day's last value."""
    answer: httpx.Response = api("GET", f"/devices/{plan.site}/{name}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return False
    return bool(answer.raise_for_status().json()["metrics"]["n"]["value"] == DAY_S - 1)


def _read(device: str, start_ms: int, api: Any) -> dict[str, float]:
    """All readings of one metric in one day, in pages as large as they may be.

    Raises:
        BenchError: they are not the day's.
    """
    asked = {"metric": "n", "since": start_ms, "until": start_ms + _DAY_MS, "limit": PAGE}
    begun = time.perf_counter()
    found, first_s = [], 0.0
    more: dict[str, str] | None = {}
    while more is not None:
        content = api("GET", f"/devices/{device}/readings", params={**asked, **more}).raise_for_status().json()
        found += [item["metrics"]["n"] for item in content["items"]]
        first_s = first_s or time.perf_counter() - begun
        more = {"cursor": content["next"]} if content["next"] else None
    took_s = time.perf_counter() - begun
    if found != list(range(DAY_S)):
        raise BenchError(f"{len(found)} readings came back, or others than those of the day")
    return {"day_s": took_s, "page_ms": took_s / (DAY_S / PAGE) * 1000, "first_page_ms": first_s * 1000}


SCENARIOS: Final = (
    Scenario(
        name="history",
        title="History",
        what=(
            f"Readings/s stored when {DEVICES} devices report a day at 1 Hz each ({BATCH} readings a payload); then "
            f"one device's day of one metric, {DAY_S:,} readings, is read by REST in pages of {PAGE:,}"
        ),
        measure=measure,
        on=(CAUSEWAY,),
        figures=("readings_per_s", "day_s", "page_ms", "web_cpu_us_per_row"),
    ),
)
