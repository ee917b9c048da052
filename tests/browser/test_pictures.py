"""Each page looks as in the pictures that are kept of it in `tests/browser/pictures`; ``make pictures`` takes new ones.

A page that is to look otherwise comes with its new pictures in the same commit, so that who reviews it sees both.
"""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_described import MODEL
from tests.browser.test_pages import metric, row, sign_in
from tests.support.pictures.difference import difference
from tests.support.pictures.still import picture
from tests.support.worlds.system import Factory, System

pytestmark = pytest.mark.browser

KEPT = Path(__file__).with_name("pictures")
LOOKS = [(width, scheme) for width in (320, 1440) for scheme in ("light", "dark")]
KEY = "demo/boiler"
STAFF = """
from django.contrib.auth import get_user_model
get_user_model().objects.filter(username="browser-admin").update(is_staff=True, is_superuser=True)
"""


def announce(system: System) -> None:
    """A fleet of three: one that says what it is, one plain, one offline."""
    for key, status in ((KEY, "online"), ("demo/pump", "online"), ("demo/gone", "offline")):
        system.publish(f"devices/{key}/state", {"led": True, "commands": ["identify", "reboot"]})
        system.publish(f"devices/{key}/telemetry", {"pressure": 2.5, "temperature": 21.5})
        system.publish(f"devices/{key}/status", status, retain=True)
    system.publish(f"devices/{KEY}/model", MODEL, retain=True)
    system.publish(f"devices/{KEY}/telemetry", {"lamp": False, "level": 40, "mode": "off", "target": 19})
    system.publish(f"devices/{KEY}/event/door", {"open": True})
    system.publish(f"devices/{KEY}/telemetry", "{")
    system.wait_registered([KEY, "demo/pump", "demo/gone"])


def fleet(page: Page) -> None:
    expect(page.locator(".fleet-row", has_text=KEY)).to_contain_text("Online")
    expect(row(page, "demo/gone")).to_contain_text("Offline")


def device(page: Page) -> None:
    expect(metric(page, "Lamp")).to_have_text("off")
    expect(page.locator(".refused")).to_contain_text("bad_json")
    expect(page.locator(".event")).to_have_count(1)


def operations(page: Page) -> None:
    expect(page.locator(".quarantine")).to_contain_text("bad_json")
    expect(page.locator(".rejected")).to_contain_text("Nothing was rejected")


def heading(page: Page) -> None:
    expect(page.get_by_role("heading").first).to_be_visible()


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "fleet": ("/", fleet),
    "device": (f"/devices/{KEY}", device),
    "operations": ("/ops", operations),
    "mappings": ("/mappings", heading),
    "reference": ("/api/v1/docs", heading),
    "missing": ("/devices/demo/nothing", heading),
    "administration": ("/admin/", heading),
}


class Gallery:
    """The pictures that are kept; it notes what is not like them.

    Args:
        new: where pictures that differ are put, to be looked at.
    """

    def __init__(self, new: Path) -> None:
        self.new = new
        self.complaints: list[str] = []

    def look(self, page: Page, name: str) -> None:
        """The page in all looks."""
        for width, scheme in LOOKS:
            taken = Image.open(BytesIO(picture(page, width, scheme)))
            kept = KEPT / name / f"{width}-{scheme}.png"
            if os.environ.get("CAUSEWAY_PICTURES") == "new":
                self._keep(taken, kept)
            elif found := difference(Image.open(kept), taken):
                shown = self.new / f"{name}-{width}-{scheme}.png"
                found.shown.save(shown)
                self.complaints.append(f"{kept.relative_to(KEPT)}: {found.words}; see {shown}")

    def _keep(self, taken: Image.Image, kept: Path) -> None:
        if kept.exists() and not difference(Image.open(kept), taken):
            return  # a new picture of the same would be one more to look at
        kept.parent.mkdir(parents=True, exist_ok=True)
        taken.convert("RGB").save(kept, optimize=True)


def test_each_page_looks_as_it_did(page: Page, causeway: Factory, tmp_path: Path) -> None:
    system, gallery = causeway(workers=1, database="sqlite", GATEWAY_NAME="gateway"), Gallery(tmp_path)
    announce(system)
    page.goto(f"{system.url}/login")
    gallery.look(page, "login")
    system.token("browser-admin", "admin", None)
    system.manage("shell", "-c", STAFF)
    sign_in(page, system, "/", role="admin")
    for name, (path, is_there) in PAGES.items():
        page.goto(f"{system.url}{path}")
        is_there(page)
        gallery.look(page, name)
    sign_in(page, causeway(workers=1, database="sqlite", DEBUG="true"), "/kit", role="admin")
    gallery.look(page, "kit")
    assert not gallery.complaints, "\n".join(gallery.complaints)
