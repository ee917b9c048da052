"""The frames of the pages: who gets which, and what is in them."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client, override_settings

from devices.extensions import pages
from devices.models import Membership, Site
from devices.requests.registry import register_device
from devices.rules.capabilities import ROLES
from devices.rules.pages import Page
from devices.web.pages import builtin
from devices.web.pages.modules import modules_for
from runtime.http.hashed_names import plain_name


@pytest.fixture
def visitor(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("vera"))
    return client


def give_role(site: str | None, role: str) -> None:
    place = Site.objects.get_or_create(name=site)[0] if site else None
    Membership.objects.create(user=User.objects.get(username="vera"), site=place, role=role)


def page_data(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/", "/devices/demo/lamp", "/ops"])
def test_strangers_are_sent_to_the_login_and_then_back(url: str) -> None:
    answer = Client().get(url)
    assert (answer.status_code, answer["Location"]) == (302, f"/login?next={url}")


@pytest.mark.django_db
def test_login_leads_where_one_wanted_to_go() -> None:
    User.objects.create_user("vera", password="causeway")
    form = {"username": "vera", "password": "causeway", "next": "/devices/demo/lamp"}
    assert Client().post("/login", form)["Location"] == "/devices/demo/lamp"
    assert Client().post("/login", form | {"next": "https://elsewhere.example/"})["Location"] == "/"


@pytest.mark.django_db
def test_a_wrong_password_is_told_in_the_form() -> None:
    answer = Client().post("/login", {"username": "vera", "password": "wrong"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()


def test_signing_out_takes_a_post(visitor: Client) -> None:
    assert visitor.get("/logout").status_code == 405
    assert visitor.post("/logout")["Location"] == "/login"
    assert visitor.get("/").status_code == 302


def test_the_fleet_page_tells_who_looks_and_what_they_may(visitor: Client) -> None:
    give_role("demo", "operator")
    page = page_data(visitor.get("/").content.decode())
    assert page["user"] == {"name": "vera", "staff": False, "board": None}
    assert page["roles"] == {"demo": "operator"}
    assert page["capabilities"] == {"demo": sorted(ROLES["operator"])}
    assert (page["ws"], page["api"]) == ("/ws/v1/", "/api/v1/")


def test_the_fleet_page_is_there_without_any_role(visitor: Client) -> None:
    assert page_data(visitor.get("/").content.decode())["roles"] == {}


def test_the_operations_page_is_linked_and_knows_who_may_replay(visitor: Client) -> None:
    give_role("demo", "operator")
    assert 'href="/ops"' in visitor.get("/").content.decode()
    html = visitor.get("/ops").content.decode()
    assert re.search(r'href="/ops" aria-current="page"', html)
    assert page_data(html)["roles"] == {"demo": "operator"}


def test_the_device_page_names_the_strongest_role(visitor: Client) -> None:
    register_device("demo/lamp-1.a:b")
    give_role(None, "viewer")
    give_role("demo", "admin")
    page = page_data(visitor.get("/devices/demo/lamp-1.a:b").content.decode())
    assert (page["device"], page["role"]) == ("demo/lamp-1.a:b", "admin")


def test_what_another_device_speaks_for_has_a_page(visitor: Client) -> None:
    register_device("demo/bridge~0x00158d00:1")
    give_role("demo", "viewer")
    page = page_data(visitor.get("/devices/demo/bridge~0x00158d00:1").content.decode())
    assert page["device"] == "demo/bridge~0x00158d00:1"


@pytest.mark.parametrize(
    "url",
    [
        "/devices/demo/none",
        "/devices/secret/lamp",
        "/devices/demo/a%20b",
        "/devices/demo",
        "/devices/demo/lamp~",
        "/devices/demo/lamp~..",
        "/devices/demo/lamp~a~b",
    ],
)
def test_what_is_not_there_and_what_one_may_not_see_look_the_same(visitor: Client, url: str) -> None:
    register_device("demo/lamp")
    register_device("secret/lamp")
    give_role("demo", "viewer")
    with override_settings(DEBUG=False):
        answer = visitor.get(url)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_the_import_map_carries_the_nonce_of_the_policy(visitor: Client) -> None:
    answer = visitor.get("/")
    nonce = re.search(r"'nonce-([^']+)'", answer["Content-Security-Policy"])
    assert nonce
    assert f'<script type="importmap" nonce="{nonce[1]}">' in answer.content.decode()


def test_nothing_in_a_page_is_from_elsewhere_or_inline_without_the_nonce(visitor: Client) -> None:
    html = visitor.get("/").content.decode()
    assert not re.search(r"\son[a-z]+=|javascript:|https?://", html)
    scripts = re.findall(r"<script([^>]*)>", html)
    assert all(" nonce=" in script or "application/json" in script or "src=" in script for script in scripts)


def test_case_i13_an_old_browser_gets_a_sentence_and_one_without_scripts_too(visitor: Client) -> None:
    html = visitor.get("/").content.decode()
    inline = re.findall(r'<script nonce="[^"]+">(.*?)</script>', html, re.DOTALL)
    assert len(inline) == 1
    assert "This browser is too old" in inline[0]
    modern = r"=>|\blet\b|\bconst\b|`|\?\.|\?\?|\basync\b|,\s*\)|\bcatch\s*\{|\.\.\."
    assert not re.search(modern, re.sub(r"//.*", "", inline[0])), "what an old browser can't even read"
    assert html.index(inline[0]) < html.index('type="importmap"')
    assert "need JavaScript" in html


@pytest.mark.parametrize("page", list(pages), ids=lambda page: page.name)
def test_every_module_of_a_page_is_served(page: Page) -> None:
    modules = modules_for(page)
    urls = [modules.entry, *modules.preload, *json.loads(modules.import_map)["imports"].values()]
    for url in urls:
        name = url.removeprefix("/static/")
        assert finders.find((plain_name(name) or (name, ""))[0]), url


def test_case_i9_a_page_is_asked_for_anew_each_time(visitor: Client) -> None:
    assert visitor.get("/")["Cache-Control"] == "private, no-cache"


def test_case_g2_a_form_from_another_origin_is_told_what_to_set(db: None) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Origin": "https://dash.example.com"})
    answer = client.post("/login", {})
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "https://dash.example.com" in text
    for setting in ("TRUSTED_PROXIES", "BEHIND_TLS_PROXY=true", "CSRF_TRUSTED_ORIGINS=https://dash.example.com"):
        assert setting in text


def test_case_g2_a_form_of_the_same_origin_by_its_default_port_is_only_expired(db: None) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Origin": "https://localhost", "Host": "localhost:443"})
    assert "This form has expired" in client.post("/login", {}).content.decode()


def test_the_kit_is_there_with_debug_only_and_not_linked(
    visitor: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visitor.get("/kit").status_code == 200
    assert 'href="/kit"' not in visitor.get("/").content.decode()
    registered: list[Page] = []
    monkeypatch.setattr(builtin, "register_page", registered.append)
    settings.DEBUG = False
    builtin.register()
    assert [page.name for page in registered] == ["fleet", "device", "ops", "mappings"]


@pytest.mark.parametrize(("site", "status"), [("demo", 403), (None, 200)])
def test_the_page_of_mappings_is_for_admins_of_all_sites(visitor: Client, site: str | None, status: int) -> None:
    give_role(site, "admin")
    html = visitor.get("/").content.decode()
    assert visitor.get("/mappings").status_code == status
    assert ('href="/mappings"' in html) == (status == 200)
    assert ("mappings" in [one["name"] for one in page_data(html)["pages"]]) == (status == 200)
