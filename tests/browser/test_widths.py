"""Every page fits every width, from a small phone to a desk, and shows its values whole: names give way."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import metric, row, sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

WIDTHS = (320, 390, 700, 768, 862, 1101, 1440)
KEY = "browser/widths-boiler-room-north-compressor-17"
TELEMETRY: dict[str, Any] = {
    "motor_temperature": 44.8,
    "total_energy_counter_since_installation": 1_796_123_456_789,
    "flow": -0.0,
    "serial": 9_007_199_254_740_993,  # more than a double can tell: kept as text
    "largest": -9_007_199_254_740_991,
    "mode": "heating to 40 degrees",
}
STATE = {"id": "9007199254740993", "a_long_name_of_a_part": {"and_of_a_part_of_it": {"value": "x" * 90}}}

# What is cut: wider than its own box, or reaching out of one that hides it.
CLIPPED = """
() => {
  const values =
    ".metric-value, .metric-age, .value-text, .updated, .chart-value, .twin td span, .ledger td, .badge, .count";
  const flows = (element) => getComputedStyle(element).overflowX;
  const hides = (element) => ["hidden", "clip"].includes(flows(element));
  const scrolls = (element) => element.parentElement?.closest(".short-table");
  const isText = (element) => element.matches(".value-text") && /[a-z]{9}/.test(element.textContent); // may end in "…"
  const cut = (element) => {
    const box = element.getBoundingClientRect();
    if (flows(element) !== "visible" && element.scrollWidth > element.clientWidth + 1) return true;
    if (element.matches(".value-text") && element.scrollHeight > element.clientHeight + 1) return true;
    for (let around = element.parentElement; around; around = around.parentElement) {
      const limits = around.getBoundingClientRect();
      if (hides(around) && (box.left < limits.left - 1 || box.right > limits.right + 1)) return true;
    }
    return !scrolls(element) && (box.left < 0 || box.right > innerWidth);
  };
  return [...document.querySelectorAll(values)]
    .filter((element) => element.getClientRects().length > 0 && !isText(element) && cut(element))
    .map((element) => `${element.className}: ${element.textContent}`);
}
"""

# Axis labels are painted: one that is too long begins at the canvas's very edge.
CUT_LABELS = """
() => [...document.querySelectorAll(".chart canvas")].filter((canvas) =>
  canvas.getContext("2d").getImageData(0, 0, 1, canvas.height).data.some((part) => part > 0)).length
"""

COLUMNS = """
() => [...document.querySelectorAll(".fleet-body .fleet-row")].map((row) =>
  [...row.querySelectorAll(".value-name")].map((name) => Math.round(name.getBoundingClientRect().left)))
"""


@pytest.fixture
def fleet(shared_system: System) -> System:
    shared_system.publish(f"devices/{KEY}/state", STATE)
    shared_system.publish(f"devices/{KEY}/telemetry", TELEMETRY)
    shared_system.publish(f"devices/{KEY}/telemetry", '{"motor_temperature": 44.8, "total_pressure": nan}')  # noted
    shared_system.publish(f"devices/{KEY}/telemetry", '{"a_long_text_that_is_no_json_and_has_no_gap')  # quarantined
    shared_system.publish("devices/browser/widths-n/telemetry", {"motor_temperature": 1, "flow": 2.25})
    shared_system.wait_registered([KEY, "browser/widths-n"])
    return shared_system


def check(page: Page, width: int) -> None:
    """Nothing of the page is out of reach, and no value is cut."""
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function("width => document.documentElement.clientWidth === width", arg=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width, f"{width}: the page scrolls sideways"
    assert page.evaluate(CLIPPED) == [], f"{width}: values are cut"
    assert page.evaluate(CUT_LABELS) == 0, f"{width}: labels of an axis are cut"


def test_case_i5_i6_the_fleet_fits_every_width(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/?q=widths")
    expect(row(page, KEY)).to_contain_text("44.8")
    for width in WIDTHS:
        check(page, width)


def test_case_i5_i6_the_device_page_fits_every_width(page: Page, fleet: System) -> None:
    sign_in(page, fleet, f"/devices/{KEY}")
    expect(metric(page, "motor_temperature")).to_have_text("44.8")
    expect(page.locator(".chart canvas")).to_have_count(3)
    expect(page.locator(".refused table")).to_have_count(2)
    for width in WIDTHS:
        check(page, width)


def test_case_i6_long_names_push_nothing_out_of_reach(page: Page, fleet: System) -> None:
    key, command = f"browser/{'long_name_' * 6}", "command_" * 8
    fleet.publish(f"devices/{key}/telemetry", {"metric_" * 9: -9_007_199_254_740_991, "text": "w" * 300})
    fleet.publish(f"devices/{key}/state", {"commands": [command], "path_" * 20: {"n" * 60: "v" * 200}})
    fleet.publish(f"devices/{key}/event/{'event_' * 10}", {"d" * 60: "e" * 60})
    fleet.wait_registered([key])
    api = fleet.api("widths", "admin", None)
    api("PATCH", f"/devices/{key}", json={"tags": ["t" * 60, "u"]}).raise_for_status()
    api("POST", f"/devices/{key}/commands", json={"name": command, "args": {"a": "x" * 20_000}}).raise_for_status()
    sign_in(page, fleet, f"/devices/{key}")
    expect(page.locator(".command .chip")).to_have_text("sent")
    for width in WIDTHS:
        check(page, width)
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Whole arguments, 20 kB").click()
    expect(popup.value.locator("body")).to_contain_text("x" * 20_000)
    page.goto(f"{fleet.url}/?q=long_name")
    expect(row(page, key)).to_be_visible()
    for width in WIDTHS:
        check(page, width)


def test_case_i6_ops_and_login_fit_every_width(page: Page, fleet: System) -> None:
    page.goto(f"{fleet.url}/login")
    for width in WIDTHS:
        check(page, width)
    fleet.publish(f"devices/{KEY}/nothing_that_is_known/{'x' * 60}", "1")  # rejected: an admin of all sites sees it
    fleet.token("browser-admin", "admin", None)
    sign_in(page, fleet, "/ops", role="admin")
    expect(page.locator(".rejected table")).to_be_visible()
    expect(page.locator(".ledger [role=status]")).to_be_visible()
    page.get_by_text("By shard and gateway").click()
    for width in WIDTHS:
        check(page, width)


def test_case_i6_sign_out_is_reached_on_the_smallest_phone(page: Page, fleet: System) -> None:
    page.set_viewport_size({"width": 320, "height": 560})
    sign_in(page, fleet, "/")
    page.locator(".avatar").click()
    button = page.get_by_role("button", name="Sign out")
    expect(button).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollX") == 0, "without scrolling sideways"
    button.click()
    expect(page.get_by_label("User name")).to_be_visible()


def test_case_i12_metrics_stand_in_a_grid(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/?q=widths")
    expect(row(page, KEY)).to_contain_text("44.8")
    for width in (521, 700, 860):
        check(page, width)
        rows = page.evaluate(COLUMNS)
        assert len(rows) == 2
        assert rows[0] == rows[1], f"{width}: the metrics of one device stand above those of the other"
        assert rows[0][1] - rows[0][0] > width / 4


def test_case_b11_values_are_exact(page: Page, fleet: System) -> None:
    sign_in(page, fleet, f"/devices/{KEY}")
    shown = {
        "flow": "0",
        "total_energy_counter_since_installation": "1,796,123,456,789",
        "largest": "-9,007,199,254,740,991",
        "serial": "9007199254740993",
    }
    for name, text in shown.items():
        expect(metric(page, name.rsplit("_", 1)[-1])).to_have_text(text)
