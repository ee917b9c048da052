"""The panel for other sites: who may frame it, and that nothing of who is signed in is in it."""

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


def ancestors(client: Client, path: str) -> str:
    policy = client.get(path).headers["Content-Security-Policy"]
    return next(part.strip() for part in policy.split(";") if part.strip().startswith("frame-ancestors"))


def test_only_the_sites_that_are_named_may_frame_it_and_nothing_else(client: Client, settings: Settings) -> None:
    assert ancestors(client, "/embed") == "frame-ancestors 'none'"
    settings.FRAME_ANCESTORS = ["https://a.example.org", "http://b.example.org:8080"]
    assert ancestors(client, "/embed") == "frame-ancestors https://a.example.org http://b.example.org:8080"
    answer = client.get("/embed")
    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert "X-Frame-Options" not in answer.headers
    assert ancestors(client, "/login") == "frame-ancestors 'none'"
    assert client.get("/login").headers["X-Frame-Options"] == "DENY"


def test_it_is_the_same_for_everybody(client: Client, admin_client: Client, settings: Settings) -> None:
    def without_nonce(one: Client) -> bytes:
        return one.get("/embed").content

    assert without_nonce(client) == without_nonce(admin_client)
    assert not client.get("/embed").cookies
    assert client.post("/embed").status_code in (403, 405)
