"""What an app adds is there, for those who may see it, and is gone without a trace when it is taken away."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client, modify_settings, override_settings
from django.urls import clear_url_caches
from ninja import Router

from bridge.registry import RegistrationError
from devices import extensions
from devices.models import Membership, Site
from devices.requests.registry import register_device
from devices.rules.pages import Page
from devices.web.pages.urls import patterns
from tests.apps.plants.models import PlantCount
from tests.apps.plants.pages import PLANTS
from tests.support.tables import make_table


@pytest.fixture
def visitor(db: None) -> Callable[[str], Client]:
    """``visitor("viewer")``: a browser of somebody with this role at the site demo."""

    def make(role: str) -> Client:
        user = User.objects.create_user(role)
        Membership.objects.create(user=user, site=Site.objects.get_or_create(name="demo")[0], role=role)
        client = Client()
        client.force_login(user)
        return client

    return make


@contextmanager
def urls_anew() -> Iterator[None]:
    """The pages' URLs as the registry has them now."""
    fresh: Any = ModuleType("fresh_urls")
    fresh.urlpatterns = patterns()
    with override_settings(ROOT_URLCONF=fresh):
        yield
    clear_url_caches()


@contextmanager
def with_plants() -> Iterator[None]:
    """With the app installed, as at start-up."""
    with extensions.restored(), modify_settings(INSTALLED_APPS={"append": "tests.apps.plants"}), urls_anew():
        make_table(PlantCount)
        yield


def links(client: Client) -> list[str]:
    found = re.search(r"<nav.*?</nav>", client.get("/").content.decode(), re.DOTALL)
    assert found
    return re.findall(r'href="([^"]+)"', found[0])


def test_a_page_is_linked_and_opens_for_those_who_may(visitor: Callable[[str], Client]) -> None:
    register_device("demo/fern")
    register_device("elsewhere/rose")
    client = visitor("operator")
    with with_plants():
        assert links(client) == ["/", "/ops", "/plants"]
        answer = client.get("/plants")
    html = answer.content.decode()
    assert '<a href="/plants" aria-current="page">Plants</a>' in html
    assert '<link rel="modulepreload" href="/static/plants/plant.js">' in html
    assert '<link rel="stylesheet" href="/static/plants/plants.css" data-page-style>' in html
    assert answer.context["page"]["plants"] == ["demo/fern"]
    imports = json.loads(answer.context["modules"].import_map)["imports"]
    assert {"preact", "/static/causeway/page.js", "/static/causeway/register.js"} <= set(imports)


def test_a_document_of_another_page_knows_the_page_and_gets_its_data(visitor: Callable[[str], Client]) -> None:
    register_device("demo/fern")
    client = visitor("operator")
    with with_plants():
        page = client.get("/").context["page"]
        answer = client.get("/plants", headers={"Accept": "application/json"})
    assert page["pages"][-1] == {
        "name": "plants",
        "title": "Plants",
        "path": "/plants",
        "capability": "devices.command",
        "module": "/static/plants/page.js",
        "styles": ["/static/plants/plants.css"],
        "data": True,
        "document": False,
    }
    assert answer.json() == {"title": "Plants", "data": {"plants": ["demo/fern"], "readings": {}}}
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize(("role", "names"), [("operator", ["leaves"]), ("viewer", [])])
def test_a_panel_is_there_for_those_who_may(visitor: Callable[[str], Client], role: str, names: list[str]) -> None:
    client = visitor(role)
    with with_plants():
        found = client.get("/").context["page"]["panels"]
    assert [panel["name"] for panel in found] == names
    assert all(panel["module"] == "/static/plants/panel.js" for panel in found)


def test_who_may_not_does_not_even_see_the_link(visitor: Callable[[str], Client]) -> None:
    client = visitor("viewer")
    with with_plants():
        assert links(client) == ["/", "/ops"]
        assert client.get("/plants").status_code == 403


@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("viewer", 403)])
def test_a_page_of_one_site_is_there_for_those_who_see_the_site(
    visitor: Callable[[str], Client], role: str, status: int
) -> None:
    client = visitor(role)
    with extensions.restored():
        extensions.register_page(
            dataclasses.replace(
                PLANTS,
                path="plants/<name:site>",
                modules="causeway/ops",
                data=lambda request, access, site: {"site": site},
            )
        )
        with urls_anew():
            assert client.get("/plants/demo").status_code == status
            assert client.get("/plants/elsewhere").status_code == 404
            assert links(client) == ["/", "/ops"]


def test_nothing_is_left_of_an_app_that_was_taken_away(visitor: Callable[[str], Client]) -> None:
    client = visitor("operator")
    with with_plants():
        assert client.get("/plants").status_code == 200
    assert client.get("/plants").status_code == 404
    assert links(client) == ["/", "/ops"]
    assert [page.name for page in extensions.pages] == ["fleet", "device", "ops", "mappings", "kit"]
    assert extensions.routers.all() == extensions.features.all() == extensions.panels.all() == {}
    assert finders.find("plants/page.js") is None
    with pytest.raises(RegistrationError, match="too late"):
        extensions.register_page(PLANTS)


def test_a_wrong_page_is_refused_with_its_reason() -> None:
    anything: Any = {"name": "plants"}
    with extensions.restored():
        with pytest.raises(RegistrationError, match="it is a dict, not a Page"):
            extensions.register_page(anything)
        extensions.register_page(PLANTS)
        with pytest.raises(RegistrationError, match="page 'plants': there is another of this name"):
            extensions.register_page(dataclasses.replace(PLANTS, title="Trees"))
        other = Page(name="trees", title="Trees", path="plants", template="x.html", modules="trees")
        with pytest.raises(RegistrationError, match="page 'trees': 'plants' has the path 'plants' already"):
            extensions.register_page(other)


def test_a_wrong_router_is_refused_with_its_reason() -> None:
    anything: Any = "router"
    with extensions.restored():
        with pytest.raises(RegistrationError, match="router 'plants': it is a str, not a ninja"):
            extensions.register_router("plants", anything)
        with pytest.raises(RegistrationError, match="router 'devices': the API has such paths already"):
            extensions.register_router("devices", Router())
        extensions.register_router("plants", Router())
    assert extensions.routers.all() == {}


def test_a_wrong_feature_is_refused_with_its_reason() -> None:
    anything: Any = "feature"
    with extensions.restored():
        with pytest.raises(RegistrationError, match="feature 'plants': it is a str, which makes no feature"):
            extensions.register_feature("plants", anything)
        extensions.register_feature("plants", dict)
        with pytest.raises(RegistrationError, match="feature 'plants': there is another of this name"):
            extensions.register_feature("plants", list)
