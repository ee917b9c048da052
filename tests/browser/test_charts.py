"""Charts go by time, and by the server's: whatever came late, whatever the browser's clock says."""

import csv
import re
import time
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_pages import sign_in
from tests.support.waiting import eventually
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
BATCH = 400

# Where a chart's line is: for each pixel from left to right, whether it is painted in the line's colour.
PAINTED = """
(chart) => {
  const [canvas, over] = [chart.querySelector("canvas"), chart.querySelector(".u-over")];
  if (!canvas || !over) return []; // it is not drawn yet
  const scale = canvas.width / canvas.clientWidth;
  const [left, width] = [over.offsetLeft, over.offsetWidth].map((length) => Math.round(length * scale));
  const { data } = canvas.getContext("2d").getImageData(left, 0, width, canvas.height);
  const hex = getComputedStyle(chart).getPropertyValue("--series").trim().slice(1);
  const colour = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const near = (at) => data[at + 3] > 200 && colour.every((part, index) => Math.abs(data[at + index] - part) < 24);
  const painted = (x) => [...Array(canvas.height).keys()].some((y) => near(4 * (y * width + x)));
  return [...Array(width).keys()].map(painted);
}
"""
WRONG_CLOCK = """
((wrong_ms) => {
  const Right = Date;
  globalThis.Date = class extends Right {
    constructor(...parts) { parts.length ? super(...parts) : super(Right.now() + wrong_ms); }
    static now() { return Right.now() + wrong_ms; }
  };
})(%d)
"""


class Line(NamedTuple):
    """Of a chart's width: where its line begins and ends, and how much of that is painted."""

    begin: float
    end: float
    share: float


def line(page: Page) -> Line:
    painted: list[bool] = page.locator(".chart").first.evaluate(PAINTED)
    places = [place for place, here in enumerate(painted) if here]
    assert places, "nothing is painted"
    begin, end = places[0], places[-1]
    return Line(begin / len(painted), end / len(painted), len(places) / (end - begin + 1))


def line_is(page: Page, *, begin: float, end: float, timeout_s: float = 15) -> Line:
    """The line, once it begins and ends there."""

    def there() -> Line:
        found = line(page)
        assert found.begin == pytest.approx(begin, abs=0.04)
        assert found.end == pytest.approx(end, abs=0.04)
        return found

    return eventually(there, timeout_s, retry_on=(AssertionError,), pause_s=0.1)


def send(system: System, key: str, values: list[tuple[int, Any]]) -> None:
    """Readings of `t` by their time, as batches."""
    for first in range(0, len(values), BATCH):
        batch = [{"ts": ts, "t": value} for ts, value in values[first : first + BATCH]]
        system.publish(f"devices/{key}/telemetry", batch)
    system.wait_registered([key])
    newest = max(ts for ts, _ in values)
    api = system.api("charts", "viewer", None)
    eventually(lambda: api("GET", f"/devices/{key}").json()["metrics"]["t"]["ts"] == newest)


def each_second(now_ms: int, minutes: int, until_minutes: int = 0) -> list[tuple[int, Any]]:
    """A value a second from so many minutes ago on."""
    begin, end = now_ms - minutes * MINUTE_MS, now_ms - until_minutes * MINUTE_MS
    return [(ts, 20 + (ts // SECOND_MS) % 7) for ts in range(begin, end, SECOND_MS)]


def choose(page: Page, stretch: str) -> None:
    page.get_by_role("button", name=stretch, exact=True).click()


def test_case_d2_a_late_reading_hides_no_other(page: Page, shared_system: System) -> None:
    now_ms = int(time.time() * 1000)
    send(shared_system, "browser/late", each_second(now_ms, minutes=40))
    shared_system.publish("devices/browser/late/telemetry", {"ts": now_ms - 50 * MINUTE_MS, "t": 20})
    sign_in(page, shared_system, "/devices/browser/late")
    choose(page, "1 h")
    line_is(page, begin=1 / 3, end=1)
    expect(page.locator(".chart-note")).to_have_text("")
    expect(page.locator(".metrics tr", has_text="t").get_by_text("1 late")).to_be_visible()
    expect(page.locator(".chart header")).to_contain_text("1 late")


def test_case_d3_what_is_too_much_for_a_chart_is_said(page: Page, shared_system: System) -> None:
    now_ms = int(time.time() * 1000)
    send(shared_system, "browser/much", each_second(now_ms, minutes=40))

    def with_less_room(route: Route) -> None:
        answer = route.fetch()  # a script; MOST_POINTS of lib/history.js is the only such number
        route.fulfill(response=answer, body=re.sub(r"\b25e5\b", "1e3", answer.text()))

    page.route("**/causeway/app/*.js", with_less_room)
    sign_in(page, shared_system, "/devices/browser/much")
    choose(page, "1 h")
    expect(page.locator(".chart-note")).to_have_text(
        re.compile(r"Shows the last 1\d of 60 minutes: there are too many readings for all of it\.")
    )
    line_is(page, begin=1 - 1000 / 3600, end=1)
    choose(page, "15 min")
    expect(page.locator(".chart-note")).to_have_text("")


def test_readings_that_can_not_be_had_are_said_and_asked_for_again(page: Page, shared_system: System) -> None:
    send(shared_system, "browser/away", each_second(int(time.time() * 1000), minutes=14))
    page.route("**/readings?*", lambda route: route.fulfill(status=503, json={"detail": "the database is down"}))
    sign_in(page, shared_system, "/devices/browser/away")
    expect(page.locator(".chart-note")).to_have_text(
        re.compile(r"Shows the last 0 of 15 minutes\. Earlier readings are missing: the database is down")
    )
    page.unroute("**/readings?*")
    page.get_by_role("button", name="Try again").click()
    line_is(page, begin=1 / 15, end=1)


@pytest.mark.parametrize(("name", "wrong_ms"), [("ahead", 120 * MINUTE_MS), ("behind", -20 * MINUTE_MS)])
def test_case_d4_pages_go_by_the_servers_time(page: Page, shared_system: System, name: str, wrong_ms: int) -> None:
    key = f"browser/{name}"
    send(shared_system, key, each_second(int(time.time() * 1000), minutes=10))
    page.context.add_init_script(WRONG_CLOCK % wrong_ms)
    sign_in(page, shared_system, f"/devices/{key}")
    expect(page.locator(".metric-age")).to_have_text(re.compile(r"^\d+ s$"))
    expect(page.locator(".device-title")).to_contain_text(re.compile(r"Last value \d+ s ago"))
    line_is(page, begin=1 / 3, end=1)


def test_case_i4_another_stretch_is_drawn_at_once(page: Page, shared_system: System) -> None:
    now_ms = int(time.time() * 1000)
    send(shared_system, "browser/quiet", each_second(now_ms, minutes=12, until_minutes=3))
    sign_in(page, shared_system, "/devices/browser/quiet")
    choose(page, "15 min")
    line_is(page, begin=0.2, end=0.8)
    choose(page, "6 h")
    line_is(page, begin=1 - 12 / 360, end=1, timeout_s=1)
    choose(page, "15 min")
    line_is(page, begin=0.2, end=0.8, timeout_s=1)


@pytest.mark.parametrize("odd", [None, "None"], ids=["null", "text"])
def test_case_i11_what_is_no_number_is_a_gap(page: Page, shared_system: System, odd: Any) -> None:
    key = f"browser/gap-{odd}"
    values = each_second(int(time.time() * 1000), minutes=14)
    middle = len(values) // 2
    values[middle - 60 : middle + 60] = [(ts, odd) for ts, _ in values[middle - 60 : middle + 60]]
    values[-1] = (values[-1][0], odd)
    send(shared_system, key, values)
    sign_in(page, shared_system, f"/devices/{key}")
    choose(page, "15 min")
    found = line_is(page, begin=1 / 15, end=1)
    assert found.share == pytest.approx(1 - 120 / 840, abs=0.02)
    expect(page.locator(".metric-value")).to_have_text("null" if odd is None else odd)


def test_a_long_stretch_is_shown_in_few_points_with_what_comes_live(page: Page, shared_system: System) -> None:
    now_ms, day = int(time.time() * 1000), 24 * 60 * MINUTE_MS
    values = [(ts, 20 + (ts // MINUTE_MS) % 7) for ts in range(now_ms - 3 * day, now_ms, 4 * MINUTE_MS)]
    send(shared_system, "browser/long", [one for one in values if not now_ms - 2 * day < one[0] < now_ms - day])
    page.route("**/series?*", lambda route: route.fulfill(status=503, json={"detail": "the database is down"}))
    sign_in(page, shared_system, "/devices/browser/long")
    page.get_by_role("combobox", name="Longer").select_option("7 days")
    expect(page.locator(".chart-note")).to_contain_text("could not be had: the database is down")
    page.unroute("**/series?*")
    with page.expect_response("**/series?*") as answered:
        page.get_by_role("button", name="Try again").click()
    (series,) = answered.value.json()["series"]
    assert series["bucket_ms"] >= 10 * MINUTE_MS
    assert len(series["ts"]) <= 500
    found = line_is(page, begin=4 / 7, end=1)
    assert found.share == pytest.approx(2 / 3, abs=0.05), "a day of silence is a gap"
    expect(page.locator(".chart-note")).to_contain_text("the band from the least to the greatest")
    shared_system.publish("devices/browser/long/telemetry", {"t": 21})
    page.reload()
    expect(page.get_by_role("combobox", name="Longer")).to_have_value("7")
    line_is(page, begin=4 / 7, end=1)
    choose(page, "1 h")
    expect(page.locator(".chart-note")).to_have_text("")


def test_only_charts_in_view_are_loaded_and_drawn(page: Page, shared_system: System) -> None:
    key, now_ms = "browser/wide", int(time.time() * 1000)
    names = [f"m{number:03d}" for number in range(150)]
    for first in range(0, 360, 60):
        minutes = range(first, first + 60)
        batch = [{"ts": now_ms - (360 - at) * MINUTE_MS} | dict.fromkeys(names, at % 7) for at in minutes]
        shared_system.publish(f"devices/{key}/telemetry", batch)
    shared_system.wait_registered([key])
    api = shared_system.api("charts", "viewer", None)
    eventually(lambda: api("GET", f"/devices/{key}").json()["metrics"]["m149"]["ts"] == now_ms - MINUTE_MS)

    def asked() -> set[str]:
        """Metrics that were asked for."""
        urls: str = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name).join()")
        return set(re.findall(r"[?&]metric=(m\d+)", urls))

    sign_in(page, shared_system, f"/devices/{key}")
    choose(page, "6 h")
    expect(page.locator(".chart")).to_have_count(3)
    page.get_by_role("button", name="Draw all").click()
    expect(page.locator(".chart")).to_have_count(150)
    expect(page.locator(".chart canvas").nth(4)).to_be_visible()
    eventually(lambda: "m004" in asked())
    assert page.locator(".chart canvas").count() < 25
    assert len(asked()) < 25
    page.locator(".chart").nth(120).scroll_into_view_if_needed()
    eventually(lambda: "m120" in asked())
    expect(page.locator(".chart").nth(120).locator("canvas")).to_be_visible()
    expect(page.locator(".chart").first.locator("canvas")).to_have_count(0)
    page.get_by_role("button", name="Draw the first only").click()
    expect(page.locator(".chart")).to_have_count(3)


def test_a_stretch_is_moved_and_scaled_by_keys_wheel_and_mouse(page: Page, shared_system: System) -> None:
    send(shared_system, "browser/moved", each_second(int(time.time() * 1000), minutes=40))
    sign_in(page, shared_system, "/devices/browser/moved")
    choose(page, "15 min")
    charts = page.get_by_role("group", name="Charts")

    def stretch() -> tuple[float, float]:
        """From how many minutes ago on, and how many minutes long."""
        told = dict(re.findall(r"(from|to)=(\d+)", page.evaluate("location.href")))
        return (time.time() - int(told["from"]) / 1000) / 60, (int(told["to"]) - int(told["from"])) / MINUTE_MS

    def becomes(begin: float, width: float) -> None:
        wanted = [pytest.approx(begin, abs=0.5), pytest.approx(width, rel=0.05)]
        eventually(lambda: list(stretch()) == wanted, retry_on=(KeyError,))

    charts.focus()
    page.keyboard.press("Shift+ArrowLeft")
    becomes(30, 15)
    line_is(page, begin=0, end=1)
    page.keyboard.press("ArrowLeft")
    becomes(33.75, 15)
    page.keyboard.press("+")
    becomes(31.25, 10)
    page.keyboard.press("-")
    becomes(33.75, 15)
    box = page.locator(".chart .u-over").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(middle[0] - box["width"] / 3, middle[1], steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    becomes(28.75, 15)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 347)  # 1.002 ** 347 is 2
    page.keyboard.up("Control")
    eventually(lambda: stretch()[1] == pytest.approx(30, rel=0.05))
    charts.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="15 min")).to_have_attribute("aria-pressed", "true")


def test_a_stretch_is_chosen_by_date_and_time_in_the_pages_zone(browser: Browser, shared_system: System) -> None:
    page = browser.new_page(timezone_id="Asia/Tokyo")
    now_ms = int(time.time() * 1000)
    send(shared_system, "browser/dates", each_second(now_ms, minutes=40))
    sign_in(page, shared_system, "/devices/browser/dates")
    page.get_by_role("button", name="From… to…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Asia/Tokyo (UTC+9)")
    begin_s, end_s = now_ms // 1000 - 1800, now_ms // 1000 - 600
    clocks = [
        datetime.fromtimestamp(at, ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%dT%H:%M:%S") for at in (begin_s, end_s)
    ]
    page.get_by_role("dialog").get_by_label("From").fill(clocks[1])
    page.get_by_role("dialog").get_by_label("To").fill(clocks[0])
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("The end must be after the beginning.")
    page.get_by_role("dialog").get_by_label("From").fill(clocks[0])
    page.get_by_role("dialog").get_by_label("To").fill(clocks[1])
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(rf"from={begin_s}000&to={end_s}000"))
    line_is(page, begin=0, end=1)
    page.get_by_role("button", name="Back to now").click()
    expect(page).not_to_have_url(re.compile("from="))
    page.close()


def test_states_are_a_timeline_and_what_is_shown_can_be_saved(page: Page, shared_system: System) -> None:
    key, now_ms = "browser/states", int(time.time() * 1000)
    batch = [
        {"ts": now_ms - (900 - at) * SECOND_MS, "mode": "heat" if at < 450 else "=cool", "on": at % 300 < 150, "t": at}
        for at in range(0, 900, 6)  # a stretch so long that it has not moved on by half before it is looked at
    ]
    shared_system.publish(f"devices/{key}/telemetry", batch)
    shared_system.wait_registered([key])
    sign_in(page, shared_system, f"/devices/{key}?minutes=15&draw=mode&draw=on&draw=t")
    mode = page.get_by_role("region", name="Chart of mode")
    over = mode.locator(".u-over")
    over.hover(position={"x": 100, "y": 10})
    expect(mode.locator(".chart-value")).to_have_text("heat")
    box = over.bounding_box()
    assert box
    over.hover(position={"x": box["width"] * 0.8, "y": 10})
    expect(mode.locator(".chart-value")).to_have_text("=cool")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save").click()
        page.get_by_role("menuitem", name="What is shown as CSV").click()
    rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
    assert len({row["time"] for row in rows}) > 100
    assert {row["device"] for row in rows} == {key}
    values = {name: {row["value"] for row in rows if row["metric"] == name} for name in ("mode", "on", "t")}
    assert values["mode"] == {"heat", "'=cool"}, "no formula for spreadsheets"
    assert values["on"] == {"true", "false"}
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save").click()
        page.get_by_role("menuitem", name="The charts as PNG").click()
    assert saved.value.suggested_filename.startswith("browser_states_")
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
