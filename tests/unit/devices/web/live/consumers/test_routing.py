"""An app's consumers are where its routing says, behind who asks: sockets, HTTP, channels."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import ChannelNameRouter
from channels.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, modify_settings, override_settings

from config.added_apps import routing
from devices import extensions
from devices.models import Command
from tests.apps.plants import routing as plants
from tests.apps.plants.models import PlantCount
from tests.support.tables import make_table
from tests.support.waiting import eventually_async
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.peer import WAIT_S, token

in_thread = database_sync_to_async
APP = "tests.apps.plants"


@pytest.fixture(autouse=True)
def with_plants(fleet: None) -> Iterator[None]:
    """The app is installed, before anything that runs beside the test."""
    with (
        extensions.restored(),
        modify_settings(INSTALLED_APPS={"append": APP}),
        override_settings(CAUSEWAY_APPS=(APP,)),
    ):
        yield


async def ours(scope: Any, receive: Any, send: Any) -> None:
    """What was there before apps were."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4999})
    else:
        await send({"type": "http.response.start", "status": 499, "headers": []})
        await send({"type": "http.response.body", "body": b"ours"})


def headers(shown: str = "", **more: str) -> list[tuple[bytes, bytes]]:
    found = {"host": "testserver", **more, **({"authorization": f"Bearer {shown}"} if shown else {})}
    return [(name.encode(), value.encode()) for name, value in found.items()]


async def opened(
    path: str, given: list[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()
) -> tuple[Any, WebsocketCommunicator]:
    caller = WebsocketCommunicator(routing.sockets(ours), path, given, list(subprotocols))
    return (await caller.connect(WAIT_S)), caller


async def test_a_page_sees_plants_live_and_what_gardeners_say() -> None:
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    shown = headers(await token("olga", demo="viewer"))
    (accepted, _), caller = await opened("/apps/plants/live/demo/", shown)
    assert accepted
    assert await caller.receive_json_from(WAIT_S) == {"plant": "demo/fern", "moisture": 40}
    await bank.change("demo/fern", ("telemetry", {"moisture": 39}))
    assert await caller.receive_json_from(WAIT_S) == {"plant": "demo/fern", "moisture": 39}
    (_, _), other = await opened("/apps/plants/live/demo/", shown)
    await other.receive_json_from(WAIT_S)
    await other.send_json_to("the roof is open")
    for one in (caller, other):
        assert await one.receive_json_from(WAIT_S) == {"who": "olga", "text": "the roof is open"}
        await one.disconnect(timeout=WAIT_S)


async def test_a_ticket_lets_a_page_of_another_site_in_once() -> None:
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    program = Client(headers={"Authorization": f"Bearer {await token('olga', demo='viewer')}"})
    ticket = (await in_thread(program.post)("/api/v1/tickets")).json()["subprotocol"]
    given = headers(origin="https://dashboards.example")
    with override_settings(ALLOWED_ORIGINS=["https://dashboards.example"]):
        answer, caller = await opened("/apps/plants/live/demo/", given, [ticket])
        assert answer == (True, ticket)
        assert await caller.receive_json_from(WAIT_S) == {"plant": "demo/fern", "moisture": 40}
        await caller.disconnect(timeout=WAIT_S)
        _, late = await opened("/apps/plants/live/demo/", given, [ticket])
        assert (await late.receive_output(WAIT_S))["code"] == 4401
        await late.disconnect(timeout=WAIT_S)
    answer, caller = await opened("/apps/plants/live/demo/", given, [ticket])
    assert answer == (False, 1000)
    await caller.wait(WAIT_S)


async def test_the_synchronous_one_reads_the_database() -> None:
    await in_thread(make_table)(PlantCount)
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    (accepted, _), caller = await opened("/apps/plants/live/demo/fern/", headers(await token()))
    assert accepted
    assert await caller.receive_json_from(WAIT_S) == {"plant": "demo/fern", "readings": 0}
    await caller.disconnect(timeout=WAIT_S)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/apps/plants/live/", {}),
        ("/apps/plants/nothing/", {}),
        ("/apps/trees/live/demo/", {}),
        ("/apps/plants/live/demo/", {"origin": "https://elsewhere.example"}),
    ],
)
async def test_what_is_not_there_and_other_sites_pages_are_refused(path: str, more: dict[str, str]) -> None:
    answer, caller = await opened(path, headers(await token(), **more))
    assert answer == (False, 1000)
    await caller.wait(WAIT_S)


async def test_an_address_has_so_many_sockets() -> None:
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    shown = headers(await token())
    with override_settings(MAX_SOCKETS_PER_ADDRESS=1):
        (first, _), caller = await opened("/apps/plants/live/demo/", shown)
        (second, _), refused = await opened("/apps/plants/live/demo/", shown)
    assert (first, second) == (True, False)
    await refused.wait(WAIT_S)
    await caller.disconnect(timeout=WAIT_S)


async def test_our_own_socket_is_where_it_was() -> None:
    assert (await opened("/ws/v1/", headers()))[0] == (False, 4999)
    with override_settings(CAUSEWAY_APPS=()):
        assert routing.sockets(ours) is routing.requests(ours) is ours


async def asked(path: str, given: list[tuple[bytes, bytes]], method: str = "GET") -> tuple[int, bytes]:
    caller = HttpCommunicator(routing.requests(ours), method, path, headers=given)
    answer = await caller.get_response(WAIT_S)
    return answer["status"], answer["body"]


async def test_http_consumers_know_who_asks() -> None:
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    shown = await token("olga", demo="viewer")
    status, body = await asked("/apps/plants/sites/", headers(shown))
    assert (status, json.loads(body)) == (200, ["demo"])
    assert (await asked("/apps/plants/sites/", headers()))[0] == 403


@pytest.mark.parametrize(
    ("path", "method", "more"),
    [
        ("/apps/plants/counts.csv", "GET", {}),
        ("/plants", "GET", {}),
        ("/apps/plants/sites/", "GET", {"host": "elsewhere.example"}),
        ("/apps/plants/sites/", "POST", {"origin": "https://elsewhere.example"}),
    ],
)
async def test_all_else_is_djangos(path: str, method: str, more: dict[str, str]) -> None:
    assert await asked(path, headers(**more), method) == (499, b"ours")


async def test_a_consumer_on_a_channel_does_what_messages_say() -> None:
    await bank.change_unheard("demo/fern", ("telemetry", {"moisture": 40}))
    router = ChannelNameRouter(routing.channels())
    caller = ApplicationCommunicator(router, {"type": "channel", "channel": "plants-watering"})
    await caller.send_input({"type": "water", "device": "demo/fern"})
    await eventually_async(stored_commands)
    assert await stored_commands() == [("water", "app:plants")]
    caller.future.cancel()


async def stored_commands() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = await in_thread(list)(Command.objects.values_list("name", "created_by"))
    return found


@pytest.mark.parametrize("name", ["devices.0", "gateway.x"])
def test_our_channels_are_ours(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plants, "channels", {name: None})
    with pytest.raises(ImproperlyConfigured, match=f"plants.routing: channels: '{name}' is taken"):
        routing.channels()
