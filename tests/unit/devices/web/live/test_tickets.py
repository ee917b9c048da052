"""Sockets that come by a ticket: which pages may, how often, and for how long."""

from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from devices.models import ApiToken, Ticket
from devices.web.live.hub import survey_loop
from devices.web.live.socket import connection
from tests.unit.devices.web.live.peer import connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async

FRIEND = {"origin": "https://dash.example.org", "host": "localhost"}
STRANGER = {"origin": "https://evil.example", "host": "localhost"}


@pytest.fixture(autouse=True)
def friends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_ORIGINS = ["https://dash.example.org"]
    monkeypatch.setattr(survey_loop, "RIGHTS_EVERY_S", 0.0)


def _asked(client: Client) -> str:
    shown: str = client.post("/api/v1/tickets").json()["subprotocol"]
    return shown


async def subprotocol(shown: str) -> str:
    """What a program with this token may hand on."""
    offered: str = await in_thread(_asked)(Client(headers={"Authorization": f"Bearer {shown}"}))
    return offered


@pytest.mark.parametrize("headers", [FRIEND, {}, {"host": "localhost", "origin": "http://localhost"}])
async def test_a_ticket_opens_one_socket_for_an_allowed_page_ours_or_a_program(headers: dict[str, Any]) -> None:
    offered = await subprotocol(await token(demo="viewer"))
    async with connected(subprotocols=["other", offered], **headers) as peer:
        assert peer.subprotocol == offered
        assert (await peer.request("ping"))["type"] == "ok"
    async with connected(subprotocols=[offered], **headers) as again:
        assert again.subprotocol == offered
        assert await again.closed() == connection.UNAUTHORIZED


async def test_a_foreign_page_is_refused_with_a_ticket_and_an_allowed_one_without() -> None:
    shown = await token(demo="viewer")
    offered = await subprotocol(shown)
    async with connected(subprotocols=[offered], **STRANGER) as peer:
        assert peer.close_code == 403
    client = Client()
    await in_thread(client.force_login)(await User.objects.aget())
    async with connected(cookie=f"sessionid={client.cookies['sessionid'].value}", **FRIEND) as peer:
        assert peer.close_code == 403
    assert await Ticket.objects.acount() == 1


async def test_a_wrong_ticket_is_wrong_beside_a_good_token() -> None:
    async with connected(await token(demo="viewer"), subprotocols=["causeway.ticket.cwt_wrong"]) as peer:
        assert await peer.closed() == connection.UNAUTHORIZED


async def test_what_came_by_a_ticket_ends_with_the_token_that_asked_for_it() -> None:
    offered = await subprotocol(await token(demo="viewer"))
    async with connected(subprotocols=[offered]) as peer:
        assert (await peer.request("ping"))["type"] == "ok"
        await in_thread(ApiToken.objects.all().delete)()
        assert await peer.closed() == connection.UNAUTHORIZED
