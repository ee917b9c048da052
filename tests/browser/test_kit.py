"""What the shell gives everywhere: preferences that stay, the palette, keys; and the kit, in all its states."""

from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import announced, sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

KEY = "browser/palette-pump"


@pytest.fixture
def system(shared_system: System) -> System:
    device = announced(shared_system, KEY)
    device.publish(f"devices/{KEY}/telemetry", {"level": 1234.5})
    device.publish(f"devices/{KEY}/state", {"commands": ["identify", "rinse"]})
    shared_system.wait_registered([KEY])
    return shared_system


def test_anywhere_by_keys_alone(page: Page, system: System) -> None:
    sign_in(page, system, "/ops")
    expect(page.locator(".ledger")).to_be_visible()
    page.keyboard.press("Control+k")
    palette = page.get_by_role("combobox", name="Go to a device, page or command")
    expect(palette).to_be_focused()
    page.keyboard.type("palette rin")
    option = page.locator(".palette [aria-selected=true]")
    expect(option).to_contain_text("rinse")
    expect(option).to_contain_text(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Command name")).to_have_value("rinse")
    assert f"/devices/{KEY}?compose=rinse" in page.url
    page.keyboard.press("Control+k")
    page.keyboard.type("fleet")
    expect(page.locator(".palette [aria-selected=true]")).to_contain_text("Fleet")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("palette")
    expect(page.locator(".fleet-body a")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="palette-pump")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")  # what is closed and what is opened are so by their key, not a moment later
    page.keyboard.type("operations")
    expect(page.locator(".palette [aria-selected=true]")).to_contain_text("Operations")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_preferences_are_kept_for_the_user_and_show_at_once(page: Page, system: System) -> None:
    sign_in(page, system, f"/devices/{KEY}")
    page.locator(".avatar").click()
    page.get_by_label("Colours").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    expect(page.locator("#zone")).to_have_text("Times in Asia/Tokyo (UTC+9)")
    page.locator(".avatar").click()
    page.get_by_label("Language").select_option("de")
    expect(page.locator("#zone")).to_have_text("Zeiten in Asia/Tokyo (UTC+9)")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_contain_text("1.234,5")
    page.locator(".avatar").click()
    expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    page.get_by_label("Sprache").select_option("")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator(".avatar").click()
    page.get_by_label("Colours").select_option("system")
    expect(page.locator("html")).to_have_attribute("data-theme", "system")
    page.get_by_label("Time zone").select_option("")
    expect(page.locator("#zone")).not_to_contain_text("Tokyo")


def test_a_board_is_let_in_once_and_shows_its_page_alone(page: Page, system: System) -> None:
    api = system.api("board-admin", "admin", None)
    board = api("POST", "/boards", json={"name": "Hall", "site": "browser", "path": "/?q=palette"}).json()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.url} {request.headers.get('referer', '')}"))
    page.goto(board["link"])
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_visible()
    address, _, query = page.url.partition("?")
    assert (address, parse_qs(query, keep_blank_values=True)) == (f"{system.url}/", {"q": ["palette"], "kiosk": [""]})
    expect(page.locator(".topbar")).to_be_hidden()
    token = board["link"].partition("#")[2]
    assert not [one for one in requests if token in one]
    api("DELETE", f"/boards/{board['id']}").raise_for_status()
    expect(page.locator(".banner")).to_contain_text("Your session has ended", timeout=10_000)
