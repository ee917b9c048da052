"""Clocks of machines that are off, or are set while they run: corrected by the database's, told, never judged by.

The clock of one process is faked (libfaketime), its monotonic one left alone: no machine's is ever set. On PostgreSQL,
whose clock is its own; SQLite has none but the machine's.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.clock import Clock
from tests.support.waiting import PATIENCE_S, eventually
from tests.support.worlds.system import Factory, System

DEVICE = "/devices/demo/one"
ALLOWED_MS = 3_000  # between a message and its stamp: what the machine may be late
IN_1970 = f"-{int(time.time() / 86_400) - 1}d"
pytestmark = pytest.mark.timeout(300)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Bench:
    """A system, one of whose processes has a clock of its own."""

    def __init__(self, system: System, clock: Clock) -> None:
        self.system, self.clock, self._count = system, clock, 0
        self.api: Callable[..., Any] = system.api()

    def speaks(self) -> None:
        """The device sends a value; it is shown with the time that it was."""
        self._count += 1
        sent_ms = now_ms()
        self.system.publish("devices/demo/one/telemetry", {"t": self._count})
        eventually(lambda: self.metric()["value"] == self._count, PATIENCE_S, what="the value is shown")
        assert abs(self.metric()["ts"] - sent_ms) < ALLOWED_MS
        assert abs(datetime.fromisoformat(self.shown()["last_seen_at"]).timestamp() * 1000 - sent_ms) < ALLOWED_MS

    def shown(self) -> dict[str, Any]:
        answer = self.api("GET", DEVICE)
        return answer.json() if answer.is_success else {}

    def metric(self) -> dict[str, Any]:
        metrics: dict[str, dict[str, Any]] = self.shown().get("metrics", {})
        return metrics.get("t", {"value": None})

    def incidents(self) -> list[dict[str, Any]]:
        return [one for one in self.api("GET", "/ops").json()["incidents"] if one["kind"] == "clock_off"]

    def told(self, name: str, words: str) -> dict[str, Any]:
        """The incident that says so."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [one for one in self.incidents() if one["gateway"].startswith(name) and words in one["detail"]]
            return bool(found)

        eventually(look, 20, what=f"an incident of {name} says {words!r}")
        assert abs(found[0]["until"] - now_ms()) < 20_000
        return found[0]


@pytest.fixture
def bench(causeway: Factory, tmp_path: Path) -> Callable[..., Bench]:
    """``bench("gateway", "+1d")``: a system whose gateway begins so."""

    def make(name: str, to: str = "+0", **settings: Any) -> Bench:
        system = causeway(workers=1, start=False, **settings)
        process = {"gateway": system.gateway, "worker": system.workers[0], "web": system.web}[name]
        clock = Clock(process, tmp_path / "clock")
        clock.set(to)
        system.start()
        return Bench(system, clock)

    return make


def test_case_d1_a_gateway_a_day_ahead_for_ten_seconds(bench: Callable[..., Bench]) -> None:
    made = bench("gateway", STALE_AFTER_S="8")
    name = made.system.settings["GATEWAY_NAME"]
    made.speaks()
    connected = made.system.gateway.count_lines("broker link up")
    made.clock.set("+1d")
    made.told(name, "86,400 s ahead of the database's: corrected")
    began_s = time.monotonic()
    while time.monotonic() < began_s + 10:
        made.speaks()
    made.clock.set("+0")
    told = made.told(name, "right again")
    assert told["until"] - told["since"] >= 10_000
    made.speaks()
    eventually(lambda: made.shown()["presence"]["status"] == "stale", 30, what="it is stale after its time")
    assert made.system.gateway.count_lines("broker link up") == connected, "nothing had to begin anew"
    readings = made.api("GET", f"{DEVICE}/readings").json()["items"]
    assert max(one["ts"] for one in readings) <= now_ms()


def test_case_d1_a_gateway_in_1970(bench: Callable[..., Bench]) -> None:
    made = bench("gateway", IN_1970)
    made.speaks()
    made.told(made.system.settings["GATEWAY_NAME"], ": corrected")
    made.system.publish("devices/demo/one/telemetry", {"t": -1, "ts": now_ms() - 5_000})
    made.speaks()
    assert made.shown()["presence"]["status"] == "online"


def test_case_d1_a_worker_two_days_ahead(bench: Callable[..., Bench]) -> None:
    made = bench("worker", "+2d", RETENTION_DAYS="1")
    made.speaks()
    made.told("worker ", ": corrected")
    command = made.api("POST", f"{DEVICE}/commands", json={"name": "x", "ttl_s": 60}).json()
    path = f"/commands/{command['id']}"
    eventually(lambda: made.api("GET", path).json()["status"] == "sent", 10, what="it is sent, and not expired")
    made.system.publish(f"devices/demo/one/ack/{command['id']}", {"status": "done"})
    eventually(lambda: made.api("GET", path).json()["status"] == "done", 10, what="it is done")
    for step in made.api("GET", path).json()["timeline"]:
        assert abs(datetime.fromisoformat(step["at"]).timestamp() * 1000 - now_ms()) < 60_000
    made.speaks()
    assert len(made.api("GET", f"{DEVICE}/readings").json()["items"]) == 2, "nothing was purged"


def test_case_d1_a_web_process_in_1970(bench: Callable[..., Bench]) -> None:
    made = bench("web", IN_1970)
    made.speaks()
    command = made.api("POST", f"{DEVICE}/commands", json={"name": "x", "ttl_s": 3}).json()
    assert abs(datetime.fromisoformat(command["created_at"]).timestamp() * 1000 - now_ms()) < ALLOWED_MS
    path = f"/commands/{command['id']}"
    eventually(lambda: made.api("GET", path).json()["status"] == "expired", 20, what="it expires after its time")
    made.system.ws()
    made.told("web ", ": corrected")
    made.system.set_password("tester", "a long pass phrase")
    browser = made.system.client(follow_redirects=True)
    browser.get("/login")
    data = {"username": "tester", "password": "a long pass phrase", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    assert browser.post("/login", data=data, headers={"Referer": made.system.url}).url.path == "/"
    assert browser.get("/api/v1/devices").is_success, "the session holds"
