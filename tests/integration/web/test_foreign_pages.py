"""Pages of other sites at a real Daphne: what they may ask for, and the WebSocket that a ticket opens."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.integration.web.conftest import Starter, Web

FRIEND, STRANGER = "https://dash.example.org", "https://evil.example"


@pytest.fixture(scope="module")
def web(start: Starter) -> Web:
    """With a friend."""
    web: Web = start(ALLOWED_ORIGINS=f"{FRIEND}:443", LOG_LEVEL="DEBUG")
    return web


@pytest.fixture(scope="module")
def bearer(web: Web) -> str:
    return f"Bearer {web.token()}"


def allowed(answer: Any) -> str | None:
    found: str | None = answer.headers["Access-Control-Allow-Origin"]
    return found


def test_a_preflight_is_answered_to_anybody_and_allows_a_friend(web: Web) -> None:
    asked = {"Access_Control_Request_Method": "PATCH", "Access_Control_Request_Headers": "authorization,if-match"}
    friend = web.ask("OPTIONS", "/api/v1/devices/demo/a/desired", Origin=FRIEND, **asked)
    assert (friend.status, allowed(friend)) == (200, FRIEND)
    assert "PATCH" in friend.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "if-match"} <= set(friend.headers["Access-Control-Allow-Headers"].split(", "))
    assert friend.headers["Access-Control-Allow-Credentials"] is None
    assert allowed(web.ask("OPTIONS", "/api/v1/devices", Origin=STRANGER, **asked)) is None


def test_answers_and_refusals_of_the_api_are_a_friends_to_read(web: Web, bearer: str) -> None:
    found = web.ask("GET", "/api/v1/devices", Origin=FRIEND, Authorization=bearer)
    assert (found.status, allowed(found)) == (200, FRIEND)
    assert "origin" in found.headers["Vary"].lower()
    refused = web.ask("GET", "/api/v1/devices", Origin=FRIEND)
    assert (refused.status, allowed(refused)) == (401, FRIEND)
    assert allowed(web.ask("GET", "/api/v1/devices", Origin=STRANGER, Authorization=bearer)) is None
    assert allowed(web.ask("GET", "/login", Origin=FRIEND)) is None


def test_a_ticket_opens_one_socket_and_stands_in_no_log(web: Web, bearer: str) -> None:
    offered = json.loads(web.ask("POST", "/api/v1/tickets", b"", Authorization=bearer).content)["subprotocol"]

    def opened(origin: str) -> ClientConnection:
        url = f"ws://127.0.0.1:{web.port}/ws/v1/"
        return connect(url, subprotocols=[Subprotocol(offered)], origin=Origin(origin), proxy=None)

    with pytest.raises(InvalidStatus) as refused:
        opened(STRANGER)
    assert refused.value.response.status_code == 403
    with opened(FRIEND) as socket:
        assert socket.subprotocol == offered
        assert json.loads(socket.recv(10))["type"] == "link"
    with opened(FRIEND) as again:
        with pytest.raises(ConnectionClosed):
            again.recv(10)
        assert again.close_code == 4401
    assert offered.rpartition(".")[2] not in web.process.log()
