"""Connections and requests over a real socket: who is let in, what is answered, repeated, given up."""

import asyncio
from typing import Any

import pytest

from causeway_client import Backoff, Client, ClientError, Outage, RequestError, Resumed, Snapshot, TurnedAwayError
from tests.unit.causeway_client.fake_server import FakeServer, soon


async def test_a_command_is_answered_with_the_command(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        asked = asyncio.create_task(client.command("s/a", "led", {"on": True}, ttl_s=5, idempotency_key="k"))
        request = await peer.next("command")
        assert request == {
            "type": "command", "id": request["id"], "device": "s/a", "name": "led", "args": {"on": True}, "ttl_s": 5,
            "idempotency_key": "k",
        }  # fmt: skip
        await peer.send("ok", id=request["id"], command={"id": "1", "status": "accepted"})
        assert await soon(asked) == {"id": "1", "status": "accepted"}


async def test_a_command_is_asked_again_with_the_same_key_after_a_break(server: FakeServer) -> None:
    async with server.client() as client:
        asked = asyncio.create_task(client.command("s/a", "led"))  # before there is a connection
        peer = await server.next_peer()
        first = await peer.next("command")
        await peer.close()
        again = await server.next_peer()
        assert await again.next("command") == first
        await again.send("ok", id=first["id"], command={"id": "1"})
        assert await soon(asked) == {"id": "1"}


async def test_a_change_of_desired_state_is_not_asked_again(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        asked = asyncio.create_task(client.desired("s/a", {"t": 1}, if_version=3))
        request = await peer.next("desired")
        assert (request["patch"], request["if_version"]) == ({"t": 1}, 3)
        await peer.close()
        with pytest.raises(RequestError) as raised:
            await soon(asked)
        assert raised.value.code == "disconnected"


async def test_what_was_not_asked_yet_waits_for_a_connection(server: FakeServer) -> None:
    await server.stop()
    async with server.client() as client:
        asked = asyncio.create_task(client.desired("s/a", {}))
        assert isinstance(await soon(anext(client.follow(site="s"))), Outage)
        await server.start()
        peer = await server.next_peer()
        await peer.accept()
        await peer.send("ok", id=(await peer.next("desired"))["id"], version=1)
        assert (await soon(asked))["version"] == 1


async def test_but_not_for_ever(server: FakeServer) -> None:
    await server.stop()
    async with server.client() as client:
        with pytest.raises(RequestError, match="not asked") as raised:
            await soon(client.desired("s/a", {}, timeout_s=0.01))
        assert raised.value.code == "unavailable"
    await server.start()


async def test_what_the_server_refuses_is_raised_with_its_code(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        asked = asyncio.create_task(client.desired("s/a", {}))
        await peer.send("error", id=(await peer.next("desired"))["id"], code="conflict", message="version 4")
        with pytest.raises(RequestError, match="version 4") as raised:
            await soon(asked)
        assert raised.value.code == "conflict"


async def test_an_answer_is_not_waited_for_for_ever(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        with pytest.raises(RequestError) as raised:
            await soon(client.command("s/a", "led", timeout_s=0.01))
        assert raised.value.code == "timeout"
        request = await peer.next("command")
        await peer.send("ok", id=request["id"], command={})  # too late: nobody is harmed
        asked = asyncio.create_task(client.command("s/a", "led"))
        await peer.send("ok", id=(await peer.next("command"))["id"], command={"id": "2"})
        assert await soon(asked) == {"id": "2"}


async def test_arguments_that_are_no_json_are_refused_here(server: FakeServer) -> None:
    async with server.client() as client:
        await server.next_peer()
        with pytest.raises(TypeError):
            await client.command("s/a", "led", {1, 2})
        with pytest.raises(ValueError, match="JSON"):
            await client.desired("s/a", {"t": float("nan")})


async def test_too_many_requests_are_refused_here(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway_client.requests.MOST_WAITING", 1)
    async with server.client() as client:
        peer = await server.next_peer()
        asked = asyncio.create_task(client.command("s/a", "led"))
        await peer.next("command")
        with pytest.raises(RequestError) as raised:
            await client.command("s/a", "led")
        assert raised.value.code == "unavailable"
        asked.cancel()


@pytest.mark.parametrize("code", [4401, 4403])
async def test_who_is_turned_away_is_told_everywhere(server: FakeServer, code: int) -> None:
    async with server.client() as client:
        following = client.follow(site="s")
        peer = await server.next_peer()
        asked = asyncio.create_task(client.command("s/a", "led"))
        await peer.next("subscribe")
        await peer.next("command")
        await peer.close(code)
        for waiting in (anext(following), asked, client.desired("s/a", {}), anext(client.follow(site="s"))):
            with pytest.raises(TurnedAwayError, match=str(code)) as raised:
                await soon(waiting)
            assert raised.value.code == code
        assert client.connections == 1


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_websocket_is_not_tried_again(server: FakeServer, status: int) -> None:
    server.refusals = [status]
    async with server.client() as client:
        with pytest.raises(TurnedAwayError) as raised:
            await soon(anext(client.follow(site="s")))
        assert raised.value.code == status


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_proxy_that_has_nobody_to_ask_is_asked_again(server: FakeServer, status: int) -> None:
    server.refusals = [status, status]
    async with server.client() as client:
        following = client.follow(site="s")
        assert str(status) in (await soon(anext(following))).why  # type: ignore[union-attr]
        await (await server.next_peer()).accept()
        assert isinstance(await soon(anext(following)), Resumed)


async def test_a_server_that_is_not_there_yet_is_waited_for(server: FakeServer) -> None:
    await server.stop()
    async with server.client() as client:
        following = client.follow(site="s")
        assert isinstance(await soon(anext(following)), Outage)
        await server.start()
        peer = await server.next_peer()
        await peer.show((await peer.accept())["id"], "s/a")
        assert isinstance(await soon(anext(following)), Resumed)
        assert isinstance(await soon(anext(following)), Snapshot)


async def test_a_line_that_is_dead_is_given_up(server: FakeServer) -> None:
    async with server.client(ping_interval=0.05, ping_timeout=0.05, close_timeout=0.05) as client:
        following = client.follow(site="s")
        peer = await server.next_peer()
        await peer.accept()
        peer.socket.transport.pause_reading()
        assert isinstance(await soon(anext(following)), Outage)
        await server.next_peer()
        peer.socket.transport.resume_reading()


async def test_reconnect_does_not_wait_for_the_backoff(server: FakeServer) -> None:
    await server.stop()
    async with server.client(backoff=Backoff(first_s=3600, most_s=3600)) as client:
        following = client.follow(site="s")
        await soon(anext(following))
        await server.start()
        client.reconnect()
        await (await server.next_peer()).accept()
        assert isinstance(await soon(anext(following)), Resumed)


async def test_a_closed_client_says_so(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        asked = asyncio.create_task(client.command("s/a", "led"))
        await peer.next("command")
    for waiting in (asked, client.command("s/a", "led"), anext(client.follow(site="s"))):
        with pytest.raises(RequestError) as raised:
            await soon(waiting)
        assert raised.value.code == "closed"


async def test_a_failure_of_its_own_is_told_to_all(server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    async with server.client(no_such_option=1) as client:
        with pytest.raises(ClientError, match="no_such_option"):
            await soon(anext(client.follow(site="s")))
    assert "the client failed" in caplog.text


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/ws/v1/", ""])
def test_a_bad_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URI"):
        Client(url, "secret")


async def test_the_url_of_the_pages_will_do(server: FakeServer) -> None:
    options: dict[str, Any] = {"proxy": None}
    async with Client(f"http://127.0.0.1:{server.port}/ws/v1/", "secret", **options):
        await server.next_peer()
