"""Subscriptions over a real socket: what a program is told, acknowledged and asked for again."""

import asyncio
import logging
from typing import Any

import pytest

from causeway_client import (
    Change,
    Client,
    Command,
    Complete,
    Delta,
    Following,
    Gone,
    Link,
    Outage,
    Refused,
    RequestError,
    Resumed,
    Snapshot,
    Stream,
    StreamBrokenError,
)
from causeway_client import following as following_module
from tests.unit.causeway_client.fake_server import FakeServer, Peer, soon


async def told(following: Following, kind: type[Any]) -> Any:
    """The next change, which must be of this kind."""
    change = await soon(anext(following))
    assert isinstance(change, kind), change
    return change


async def shown(server: FakeServer, client: Client, *devices: str) -> tuple[Following, Peer, str]:
    """A subscription to site ``s`` that has been told everything, at rev 1."""
    following = client.follow(site="s")
    peer = await server.next_peer()
    sub = (await peer.accept())["id"]
    await peer.show(sub, *devices)
    for _ in devices:
        await told(following, Snapshot)
    await told(following, Complete)
    return following, peer, sub


async def test_a_program_is_told_what_changes(server: FakeServer) -> None:
    async with server.client() as client:
        following = client.follow(site="s", max_rate_hz=5, readings="latest", description="brief")
        peer = await server.next_peer()
        request = await peer.accept()
        assert request == {
            "type": "subscribe", "id": request["id"], "site": "s", "devices": {}, "max_rate_hz": 5,
            "readings": "latest", "description": "brief",
        }  # fmt: skip
        await peer.show(request["id"], "s/a", more=True)
        await peer.show(request["id"], "s/b")
        await peer.change(request["id"], "s/a", 1)
        await peer.send("gone", sub=request["id"], device="s/b")
        assert (await told(following, Snapshot)).device == "s/a"
        assert (await told(following, Snapshot)).device == "s/b"
        await told(following, Complete)
        assert (await told(following, Delta)).state["rev"] == 2
        assert await told(following, Gone) == Gone("s/b")
    assert server.authorization == ["Bearer secret"]


LINK: dict[str, Any] = {
    "broker": "up",
    "workers": "down",
    "gateway": "up",
    "layer": "up",
    "database": "unknown",
    "fresh": False,
    "since": 7,
}


async def test_links_and_commands_are_told_to_all_who_follow(server: FakeServer) -> None:
    async with server.client() as client:
        first, peer, _ = await shown(server, client, "s/a")
        second = client.follow(devices=["t/b"])
        await peer.show((await peer.accept())["id"], "t/b")
        await told(second, Snapshot)
        await told(second, Complete)
        await peer.send("link", **LINK)
        await peer.send("command", command={"id": "1", "device": "t/b", "status": "sent"})
        assert await told(first, Link) == await told(second, Link) == Link(**LINK)
        assert client.link == Link(**LINK)
        assert (await told(second, Command)).command["status"] == "sent"
        await peer.close(1001)
        await told(first, Outage)
        assert client.link is None


async def test_nothing_is_acknowledged_before_it_is_handled(server: FakeServer) -> None:
    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a")
        last = [await peer.change(sub, "s/a", rev) for rev in range(1, 200)][-1]
        await told(following, Delta)  # in hand: this one and all after it are not handled
        reply = asyncio.create_task(client.desired("s/a", {}))
        request = await peer.next("desired")
        end = await peer.send("ok", id=request["id"])
        await soon(reply)
        await peer.until_acked(last - 199)
        assert peer.acked == last - 199
        for _ in range(198):
            await told(following, Delta)
        waiting = asyncio.create_task(anext(following))  # comes back for more
        await peer.until_acked(end)
        waiting.cancel()


async def test_who_leaves_holds_nobody_up(server: FakeServer) -> None:
    async with server.client() as client:
        first, peer, _ = await shown(server, client)
        waiting = asyncio.create_task(anext(first))
        async with client.follow(devices=["s/a"]) as other:
            sub = (await peer.accept())["id"]
            await peer.show(sub, "s/a")
            last = await peer.change(sub, "s/a", 1)
            await told(other, Snapshot)
        assert (await peer.next("unsubscribe"))["sub"] == sub
        assert [change async for change in other] == []
        await peer.until_acked(last)
        waiting.cancel()


@pytest.mark.parametrize("code", [None, 1000, 1001, 1011, 4408, 4500, 4503])
async def test_it_comes_back_and_resumes_from_where_the_program_is(server: FakeServer, code: int | None) -> None:
    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a", "s/b")
        await peer.change(sub, "s/a", 1)
        await told(following, Delta)
        if code:
            await peer.close(code)
        else:
            peer.abort()
        assert str(code or 1006) in (await told(following, Outage)).why
        again = await server.next_peer()
        request = await again.accept()
        assert request["devices"] == {"s/a": 2, "s/b": 1}
        assert request["id"] != sub
        await again.change(request["id"], "s/a", 2)
        assert (await told(following, Resumed)).away_s > 0
        assert (await told(following, Delta)).state["rev"] == 3
        assert client.connections == 2


async def test_what_waited_when_the_line_broke_is_asked_for_again(server: FakeServer) -> None:
    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a")
        for rev in range(1, 9):
            await peer.change(sub, "s/a", rev)
        await told(following, Delta)
        await peer.close()
        again = await server.next_peer()
        assert (await again.accept())["devices"] == {"s/a": 2}
        await told(following, Outage)
        await told(following, Resumed)
        assert not following._queue


async def test_outages_that_nobody_looked_at_become_one(server: FakeServer) -> None:
    async with server.client() as client:
        following, peer, _ = await shown(server, client, "s/a")
        for _ in range(3):
            await peer.close()
            peer = await server.next_peer()
            await peer.accept()
        await told(following, Outage)
        await told(following, Resumed)
        assert not following._queue


async def test_a_gap_is_mended_from_the_last_rev_and_at_last_by_a_snapshot(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a", "s/b")
        waiting = asyncio.create_task(told(following, Snapshot))
        for known in ({"s/a": 1, "s/b": 1}, {"s/a": 1, "s/b": 1}, {"s/b": 1}):
            await peer.change(sub, "s/a", 5)
            await peer.change(sub, "s/a", 6)  # of a life that has ended
            assert (await peer.next("unsubscribe"))["sub"] == sub
            request = await peer.accept()
            assert request["devices"] == known
            sub = request["id"]
        await peer.show(sub, "s/a", rev=9)
        change = await soon(waiting)
        assert (change.device, change.missed) == ("s/a", True)
        assert client.connections == 1
        assert "taken up again" in caplog.text


@pytest.mark.parametrize(
    "text", ['{"n": 9, "type": "link"}', "{}", "[]", "no JSON", '{"n": 3, "type": "link"}', '{"n": 3, "type": "ok"}']
)
async def test_frames_that_make_no_sense_make_the_connection_anew(
    server: FakeServer, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.client() as client:
        following, peer, _ = await shown(server, client)
        await peer.send_text(text)
        await told(following, Outage)
        await (await server.next_peer()).accept()
        await told(following, Resumed)
        assert "made anew" in caplog.text


async def test_a_stream_frame_that_makes_no_sense_does_so_too(server: FakeServer) -> None:
    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a")
        await peer.send("delta", sub=sub, items=[{"device": "s/a"}])
        await told(following, Outage)
        assert (await (await server.next_peer()).accept())["devices"] == {"s/a": 1}


@pytest.mark.parametrize("frame", ["gap", "number"])
async def test_strict_ones_raise_instead(server: FakeServer, frame: str) -> None:
    async with server.client(strict=True) as client:
        following, peer, sub = await shown(server, client, "s/a")
        if frame == "gap":
            await peer.change(sub, "s/a", 5)
        else:
            await peer.send_text('{"n": 99, "type": "ping"}')
        for _ in range(2):
            with pytest.raises(StreamBrokenError):
                await soon(anext(following))


async def test_devices_that_do_not_exist_are_told_once(server: FakeServer) -> None:
    async with server.client() as client:
        following = client.follow(devices=["s/a", "s/b"])
        peer = await server.next_peer()
        assert (await peer.next("subscribe"))["devices"] == {"s/a": None, "s/b": None}
        await peer.close()
        await told(following, Outage)
        peer = await server.next_peer()
        request = await peer.accept(refused=("s/b",))
        await peer.show(request["id"], "s/a")
        await told(following, Resumed)
        assert await told(following, Refused) == Refused(("s/b",))
        await told(following, Snapshot)
        await told(following, Complete)
        await peer.close()
        await told(following, Outage)
        peer = await server.next_peer()
        assert (await peer.accept(refused=("s/a", "s/b")))["devices"] == {"s/a": 1, "s/b": None}
        await told(following, Resumed)
        assert await told(following, Gone) == Gone("s/a")
        assert not following._queue


async def test_who_asks_for_nothing_that_exists_is_complete(server: FakeServer) -> None:
    async with server.client() as client:
        following = client.follow(devices=["s/a"])
        await (await server.next_peer()).accept(refused=("s/a",))
        await told(following, Refused)
        await told(following, Complete)


async def test_a_subscription_that_has_to_wait_asks_again(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "RETRY_S", 0.01)
    async with server.client() as client:
        following = client.follow(site="s")
        peer = await server.next_peer()
        for code in ("unavailable", "rate_limited"):
            await peer.send("error", id=(await peer.next("subscribe"))["id"], code=code, message="wait")
        await peer.show((await peer.accept())["id"], "s/a")
        await told(following, Snapshot)


async def test_a_subscription_that_is_not_answered_makes_the_connection_anew(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "ANSWER_S", 0.05)
    async with server.client() as client:
        following = client.follow(site="s")
        await (await server.next_peer()).next("subscribe")
        assert "not answered" in (await told(following, Outage)).why
        assert client.connections >= 1


async def test_a_subscription_refused_for_good_raises(server: FakeServer) -> None:
    async with server.client() as client:
        following = client.follow(site="nowhere")
        peer = await server.next_peer()
        await peer.send("error", id=(await peer.next("subscribe"))["id"], code="not_found", message="there is no site")
        for _ in range(2):
            with pytest.raises(RequestError, match="there is no site") as raised:
                await soon(anext(following))
            assert raised.value.code == "not_found"


async def test_a_saved_stream_is_gone_on_with(server: FakeServer) -> None:
    async with server.client() as client:
        stream = Stream({"s/a": {"rev": 7, "metrics": {}}}, complete=True)
        following = client.follow(site="s", stream=stream)
        peer = await server.next_peer()
        request = await peer.accept()
        assert request["devices"] == {"s/a": 7}
        await peer.change(request["id"], "s/a", 7)
        await told(following, Complete)
        await told(following, Delta)


async def test_closing_the_client_ends_the_iteration(server: FakeServer) -> None:
    changes: list[Change] = []

    async def follow(following: Following) -> None:
        changes.extend([change async for change in following])

    async with server.client() as client:
        following, peer, sub = await shown(server, client, "s/a")
        task = asyncio.create_task(follow(following))
        await peer.change(sub, "s/a", 1)
        await peer.until_acked(2)
    await soon(task)
    assert [type(change) for change in changes] == [Delta]
    await peer.gone()


async def test_either_a_site_or_devices_is_followed(server: FakeServer) -> None:
    async with server.client() as client:
        for wrong in ({}, {"site": "s", "devices": ["s/a"]}):
            with pytest.raises(ValueError, match="either"):
                client.follow(**wrong)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "causeway_client")
