"""The dialog "Export…": a file of what is chosen, page by page, in the user's language."""

import csv
import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_charts import each_second, send
from tests.browser.test_pages import sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser


def test_a_device_is_exported_page_by_page(page: Page, shared_system: System, tmp_path: Path) -> None:
    values = each_second(int(time.time() * 1000), minutes=10)
    send(shared_system, "browser/exported", values)
    asked: list[str] = []

    def small_pages(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            route.abort()  # once: it is asked for again
        else:
            more = "" if "limit=" in route.request.url else "&limit=100"
            route.continue_(url=route.request.url + more)

    sign_in(page, shared_system, "/devices/browser/exported")
    page.route("**/api/v1/export?*", small_pages)
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export of exported")
    dialog.get_by_label("Metric").select_option("t")
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("Saved: ")
    assert saved.value.suggested_filename == "exported-readings.csv"
    saved.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["ts"]) for row in rows] == [ts for ts, _ in values]
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).not_to_be_visible()


def test_the_fleet_is_exported_and_what_fails_is_said(page: Page, shared_system: System, tmp_path: Path) -> None:
    send(shared_system, "browser/exported", [(int(time.time() * 1000), 1)])
    sign_in(page, shared_system, "/?site=browser")
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export of browser")
    dialog.get_by_label("File").select_option("ndjson")
    page.route("**/api/v1/export?*", lambda route: route.fulfill(status=503, body="{}"))
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    page.unroute("**/api/v1/export?*")
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Export", exact=True).click()
    saved.value.save_as(tmp_path / "saved.ndjson")
    rows = [json.loads(line) for line in (tmp_path / "saved.ndjson").read_text().splitlines()]
    assert {row["device"].partition("/")[0] for row in rows} == {"browser"}
