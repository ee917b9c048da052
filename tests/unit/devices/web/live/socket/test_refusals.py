"""What a plain request to the WebSocket's path is told."""

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/ws/v1/", "/ws/v1"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_case_j9_a_request_without_upgrade_is_told_what_lacks(path: str, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert (answer.status_code, answer["Upgrade"], answer["Connection"]) == (426, "websocket", "Upgrade")
    assert answer["Content-Type"] == "application/problem+json"
    assert "docs/proxies.md" in answer.json()["detail"]


def test_case_j9_a_page_from_elsewhere_is_told_that_instead() -> None:
    answer = Client().post("/ws/v1/", headers={"Origin": "https://dash.example.com"})
    assert answer.status_code == 403
    assert "https://dash.example.com" in answer.json()["detail"]
    assert Client().post("/ws/v1/", headers={"Origin": "http://testserver"}).status_code in (403, 426)
