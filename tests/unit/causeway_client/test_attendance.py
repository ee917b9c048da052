"""Attending places over a real socket: who is shown, what is told after a break, what is refused."""

import asyncio

import pytest

from causeway_client import BlockingClient, Person, RequestError
from causeway_client import attendance as module
from tests.unit.causeway_client.fake_server import FakeServer, Frame, Peer, soon

ANN, BOB = {"user": "ann", "doing": "viewing", "since": 1}, {"user": "bob", "doing": "commanding", "since": 2}


async def attended(peer: Peer, doing: str, place: str = "s/a") -> None:
    request = await peer.next("attend")
    assert request == {"type": "attend", "id": request["id"], "place": place, "doing": doing}
    await peer.send("ok", id=request["id"])


async def test_people_are_shown_also_after_a_break(server: FakeServer) -> None:
    async with server.client() as client:
        here = client.attend("s/a")
        peer = await server.next_peer()
        await attended(peer, "viewing")
        await peer.send("people", place="s/a", people=[ANN])
        assert await soon(anext(here)) == (Person("ann", "viewing", 1),)
        here.say("editing")
        await attended(peer, "editing")
        await peer.close()
        again = await server.next_peer()
        await attended(again, "editing")
        assert here.people is None
        await again.send("people", place="s/other", people=[BOB])
        await again.send("people", place="s/a", people=[BOB])
        n = await again.send("people", place="s/a", people=[ANN, BOB])
        await again.until_acked(n)
        assert [one.user for one in await soon(anext(here))] == ["ann", "bob"], "the latest only"
        here.close()
        assert (await again.next("leave"))["place"] == "s/a"
        with pytest.raises(StopAsyncIteration):
            await soon(anext(here))


async def test_several_at_one_place_are_one_for_the_server(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        one = client.attend("s/a")
        await attended(peer, "viewing")
        await peer.send("people", place="s/a", people=[ANN])
        await soon(anext(one))
        async with client.attend("s/a", "commanding") as other:
            await attended(peer, "commanding")
            assert await soon(anext(other)) == (Person("ann", "viewing", 1),)
        await attended(peer, "viewing")
        one.close()
        one.close()
        await peer.next("leave")


async def test_who_is_refused_is_told_so_and_asks_no_more(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        here = client.attend("s/none")
        await peer.send("error", id=(await peer.next("attend"))["id"], code="not_found", message="there is none")
        with pytest.raises(RequestError) as raised:
            await soon(anext(here))
        assert raised.value.code == "not_found"
        here.close()
        client.attend("s/a")
        await attended(peer, "viewing")


async def test_what_has_to_wait_is_asked_again(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    async with server.client() as client:
        client.attend("s/a")
        peer = await server.next_peer()
        await peer.send("error", id=(await peer.next("attend"))["id"], code="unavailable", message="later")
        await attended(peer, "viewing")


async def test_a_wrong_doing_is_refused_at_once(server: FakeServer) -> None:
    async with server.client() as client:
        await server.next_peer()
        with pytest.raises(ValueError, match="viewing, editing, commanding"):
            client.attend("s/a", "dancing")


async def test_it_ends_with_its_client(server: FakeServer) -> None:
    async with server.client() as client:
        here = client.attend("s/a")
        waiting = asyncio.create_task(anext(here, None))
        await attended(await server.next_peer(), "viewing")
    assert await soon(waiting) is None
    with pytest.raises(RequestError):
        await soon(anext(client.attend("s/a")))


async def test_the_blocking_client_has_the_same(server: FakeServer) -> None:
    def program() -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        url = f"ws://127.0.0.1:{server.port}/ws/v1/"
        with BlockingClient(url, "secret", proxy=None) as client, client.attend("s/a") as here:
            here.say("editing")
            for people in here:
                found.append(tuple(one.user for one in people))
                if len(people) == 2:
                    break
            assert here.people is not None
        return found

    running = asyncio.create_task(asyncio.to_thread(program))
    peer = await server.next_peer()
    asked: Frame = await peer.next("attend")
    while asked["doing"] != "editing":
        asked = await peer.next("attend")
    await peer.send("people", place="s/a", people=[ANN, BOB])
    assert (await soon(running))[-1] == ("ann", "bob")
