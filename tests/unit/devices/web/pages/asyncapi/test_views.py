"""/api/v1/asyncapi.json as it is served."""

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings

from devices.web.pages.asyncapi import views

ADDRESS = "/api/v1/asyncapi.json"


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """As in a process that was never asked, and nothing of it left for other tests."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    views._content.cache_clear()
    views._etag.cache_clear()


def test_everybody_gets_it_as_json() -> None:
    answer = Client().get(ADDRESS)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    made = answer.json()
    assert (made["asyncapi"], made["info"]["title"]) == ("3.0.0", "Causeway")
    assert made["channels"]["socket"]["address"] == "/ws/v1/"


def test_who_has_it_already_gets_no_other() -> None:
    etag = Client().get(ADDRESS)["ETag"]
    again = Client().get(ADDRESS, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert Client().get(ADDRESS, headers={"If-None-Match": '"other"'}).status_code == 200
    assert Client().head(ADDRESS)["ETag"] == etag


def test_it_is_of_this_installation() -> None:
    with override_settings(SESSION_COOKIE_NAME="mine", PATH_PREFIX="/deep"):
        made = Client().get(ADDRESS).json()
    assert made["servers"]["web"]["pathname"] == "/deep"
    assert made["components"]["securitySchemes"]["session"]["name"] == "mine"


def test_it_is_only_read() -> None:
    answer = Client().post(ADDRESS)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert {"GET", "HEAD"} <= set(answer["Allow"].split(", "))
