"""One document for all pages: links keep what is known, Back leads to where one was, the address has it all."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocket, expect

from tests.browser.test_pages import announced, metric, sign_in
from tests.support.waiting import eventually
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

SITE = "browser"
KEYS = [f"{SITE}/shell-{number:02}" for number in range(60)]
SAME_DOCUMENT = "globalThis.marked === true"

FRAMES = 3  # how long that is in ms is measured by the benchmark of the pages
# Clicks a link and tells how many frames later one was painted that has the text of the element.
PAINTED = """
([link, element, text]) => new Promise((done, fail) => {
  const begun = performance.now();
  let frames = 0;
  document.querySelector(link).click();
  const look = () => {
    frames += 1;
    if (document.querySelector(element)?.textContent.includes(text)) return done(frames);
    if (performance.now() - begun > 5000) return fail(new Error("it never came"));
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""


class Wire:
    """What a page's sockets were, and which frames they brought."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocket] = []
        self.snapshots: list[str] = []
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", self._received)

    def _received(self, frame: Any) -> None:
        if '"type":"snapshot"' in str(frame):
            self.snapshots.append(str(frame))


@pytest.fixture
def fleet(shared_system: System) -> System:
    for key in KEYS:
        shared_system.publish(f"devices/{key}/telemetry", {"temperature": 20.5})
    shared_system.wait_registered(KEYS)
    return shared_system


def mark(page: Page) -> None:
    page.evaluate("globalThis.marked = true")


def test_fleet_device_and_back_are_one_document_one_socket_and_one_snapshot(page: Page, fleet: System) -> None:
    wire, key = Wire(page), KEYS[50]
    sign_in(page, fleet, "/?q=shell-&sort=status")
    expect(page.locator(".fleet-body")).to_have_attribute("style", re.compile("height: 2400px"))
    mark(page)
    link = page.get_by_role("link", name=key, exact=True)
    page.evaluate("scrollTo(0, 1500)")
    expect(link).to_be_visible()
    top, snapshots = page.evaluate("scrollY"), len(wire.snapshots)
    page.wait_for_load_state("networkidle")
    page.evaluate(PAINTED, [f"a[href='/devices/{key}']", ".metric-value", "20.5"])
    expect(page).to_have_title(f"{key} · Causeway")
    expect(page.locator(".badge")).to_contain_text("Online")
    assert page.evaluate("scrollY") == 0

    page.go_back()
    expect(page).to_have_url(f"{fleet.url}/?q=shell-&sort=status")
    expect(link).to_be_focused()
    assert page.evaluate("scrollY") == top
    expect(page).to_have_title("Fleet · Causeway")
    page.go_forward()
    expect(metric(page, "temperature")).to_have_text("20.5")
    fleet.publish(f"devices/{key}/telemetry", {"temperature": 21.25})
    expect(metric(page, "temperature")).to_have_text("21.25")
    assert page.evaluate(SAME_DOCUMENT)
    assert len(wire.sockets) == 1
    assert len(wire.snapshots) == snapshots


def test_what_is_known_is_painted_at_once_without_waiting_for_the_server(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/?q=shell-")
    expect(page.locator(".fleet-row").nth(12)).to_be_visible()
    page.wait_for_load_state("networkidle")
    held = list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/*", hold)
    frames = page.evaluate(PAINTED, [f"a[href='/devices/{KEYS[0]}']", ".metric-value", "20.5"])
    assert frames <= FRAMES
    for route in held:
        route.continue_()


def test_the_socket_is_opened_while_the_modules_are_on_their_way_and_is_the_only_one(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/ops")
    wire, held = Wire(page), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/static/causeway/app/shell-*.js", hold)
    page.goto(f"{fleet.url}/?q=shell-0", wait_until="commit")
    eventually(
        lambda: page.evaluate("globalThis.causewayEarly?.heard.length ?? 0") > 0, 15
    )  # the link's state, before anybody asks
    assert len(wire.sockets) == 1
    for route in held:
        route.continue_()
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(10)
    expect(page.locator(".link-label")).to_have_text("Live")
    assert len(wire.sockets) == 1


def test_every_page_is_within_one_document_and_the_navigation_says_where_one_is(page: Page, fleet: System) -> None:
    sign_in(page, fleet, f"/devices/{KEYS[0]}")
    mark(page)
    for name, heading in (("Operations", "Where every message went"), ("Fleet", "Fleet")):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=heading).last).to_be_attached()
        expect(page.locator("nav a[aria-current=page]")).to_have_text(name)
        expect(page).to_have_title(f"{name} · Causeway")
    assert page.evaluate(SAME_DOCUMENT)


def test_the_fleet_is_as_the_address_says(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/?q=shell-0&sort=updated&order=down&column=temperature")
    expect(page.get_by_label("Search name or tag")).to_have_value("shell-0")
    updated = page.get_by_role("columnheader", name="Updated")
    expect(updated).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(10)
    page.get_by_role("button", name="Device").click()
    expect(page).to_have_url(f"{fleet.url}/?q=shell-0&column=temperature")
    page.reload()
    expect(page.get_by_role("columnheader", name="Device")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(10)
    fleet_link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Fleet")
    fleet_link.click()
    search = page.get_by_label("Search name or tag")
    expect(search).to_have_value("")
    search.fill("shell-1")
    fleet_link.click()
    expect(search).to_have_value("")


def test_a_device_page_is_as_the_address_says(page: Page, fleet: System) -> None:
    device = announced(fleet, f"{SITE}/address")
    device.publish(f"devices/{SITE}/address/telemetry", {"a": 1, "b": 2, "c": 3})
    sign_in(page, fleet, f"/devices/{SITE}/address?minutes=60&draw=b")
    expect(page.get_by_role("button", name="1 h", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chart h3")).to_have_text(["b"])
    page.locator(".metrics").get_by_role("button", name="c", exact=True).click()
    page.get_by_role("button", name="5 min", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?minutes=5&draw=b&draw=c$|\?draw=b&draw=c&minutes=5$"))
    page.get_by_role("button", name="identify", exact=True).click()
    page.locator(".command time").click()
    expect(page.locator(".command.opened")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.locator(".command.opened")).to_have_count(1)
    expect(page.locator(".chart h3")).to_have_text(["b", "c"])
    page.goto(f"{page.url}&from=1000&to=61000")
    expect(page.get_by_role("button", name="Back to now")).to_be_visible()


def test_a_page_that_is_open_over_a_deploy_goes_on_and_says_that_there_is_a_newer_one(
    page: Page, fleet: System
) -> None:
    sign_in(page, fleet, f"/devices/{KEYS[0]}")
    mark(page)
    page.route(
        "**/api/v1/devices/**", lambda route: route.fulfill(response=(answer := route.fetch()), headers={
            **answer.headers, "causeway-version": "0" * 12
        })
    )  # fmt: skip
    expect(page.locator(".banner")).to_contain_text("There is a newer version of these pages.", timeout=15_000)
    page.unroute_all(behavior="wait")  # none is on its way when the page is closed
    fleet.publish(f"devices/{KEYS[0]}/telemetry", {"temperature": 22.75})
    expect(metric(page, "temperature")).to_have_text("22.75")
    page.route("**/static/causeway/app/fleet-*", lambda route: route.fulfill(status=404))
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Fleet").click()
    expect(page.locator(".fleet-row").first).to_be_visible()
    assert page.evaluate(SAME_DOCUMENT)


# A list as the fleet's: its row renders itself anew a hundred times; each time one of its two cells takes no notice.
RENDERED_OFTEN = """
async () => {
  const { h, render } = await import("preact");
  const { signal } = await import("@preact/signals");
  const [version, steady] = [signal(0), signal("")];
  const refs = (globalThis.rendered = []);
  const Cell = ({ count }) => h("b", null, steady.value, count);
  const Row = () => {
    const node = h("p", null, h(Cell, { count: version.value >> 1 }), h(Cell, { count: (version.value + 1) >> 1 }));
    refs.push(new WeakRef(node));
    return node;
  };
  const List = () => h("section", null, [h(Row, { key: 1 })]);
  const holder = document.body.appendChild(document.createElement("div"));
  render(h(List), holder);
  for (let number = 1; number <= 100; number++) {
    version.value = number;
    await new Promise((done) => requestAnimationFrame(done));
  }
  return holder.textContent;
}
"""
KEPT = "globalThis.rendered.filter((ref) => ref.deref()).length"
MOST_KEPT = 3  # the first one is the list's, the last one is shown


def test_what_was_shown_before_is_let_go(page: Page, fleet: System) -> None:
    sign_in(page, fleet, "/")
    assert page.evaluate(RENDERED_OFTEN) == "5050"
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.enable")

    def is_let_go() -> bool:
        devtools.send("HeapProfiler.collectGarbage")
        return bool(page.evaluate(KEPT) <= MOST_KEPT)

    eventually(is_let_go, 10, what="former nodes are garbage")
