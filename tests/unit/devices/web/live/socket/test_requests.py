"""Requests: replies, their codes and their order; commands and desired state; the link."""

import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from msgspec.structs import replace

from bridge import wire
from bridge.gateway_status import GatewayRow, GatewayStatus
from bridge.messages import RequestSettled, RequestStored
from bridge.names import devices_channel
from devices.models import Command
from devices.requests.registry import register_device
from devices.web.live.queries.survey import Survey
from devices.web.live.socket.subscriptions import MAX_SUBSCRIPTIONS
from devices.web.operations.truth import Facts, ShardFacts
from tests.support.worlds.fake_worker import settle
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.peer import Peer, connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async


async def device(key: str = "demo/a") -> str:
    await in_thread(register_device)(key)
    return key


# Frames ----------------------------------------------------------------------------------------------------------


async def test_a_ping_is_answered() -> None:
    async with connected(await token()) as peer:
        peer.send(type="ping", id=7)
        assert (await peer.next_of("ok"))["id"] == 7


async def test_bad_frames_are_answered_and_harm_nothing() -> None:
    key = await device()
    async with connected(await token()) as peer:
        await peer.watch(key)
        peer.to_server.put_nowait({"type": "websocket.receive", "bytes": b"\x00\xff", "text": None})
        for text in ("", "{", "[]", '{"type":"dance","id":"9"}', '{"type":"ping"}', "\ud800", "x" * 300_000):
            peer.send_text(text)
        errors = [await peer.next_of("error") for _ in range(8)]
        assert {error["code"] for error in errors} == {"bad_request", "too_large"}
        assert [error["id"] for error in errors].count("9") == 1
        await bank.change(key, ("telemetry", {"t": 1}))
        await peer.next_of("delta")


async def test_requests_are_answered_in_their_order() -> None:
    key = await device()
    async with connected(await token()) as peer:
        for number in range(40):
            if number % 2:
                peer.send(type="ping", id=str(number))
            else:
                peer.send(type="subscribe", id=str(number), devices={key: None})
        replies = [await peer.next_of("ok") for _ in range(40)]
        assert [reply["id"] for reply in replies] == [str(number) for number in range(40)]


async def test_a_flood_of_requests_is_limited() -> None:
    async with connected(await token()) as peer:
        for number in range(300):
            peer.send(type="ping", id=number)
        replies = [await peer.until(lambda frame: "id" in frame) for _ in range(300)]
        codes = {reply.get("code") for reply in replies}
        assert codes == {None, "rate_limited"}
        assert 100 <= sum(reply["type"] == "ok" for reply in replies) <= 150


async def test_a_subscription_is_there_once() -> None:
    key = await device()
    async with connected(await token()) as peer:
        for _ in range(2):
            peer.send(type="subscribe", id="s", devices={key: None})
        assert (await peer.next_of("ok"))["sub"] == "s"
        assert (await peer.next_of("error"))["code"] == "conflict"
        assert (await peer.request("unsubscribe", sub="s"))["type"] == "ok"
        assert (await peer.request("unsubscribe", sub="s"))["code"] == "not_found"
        peer.send(type="subscribe", id="s", devices={key: None})
        assert (await peer.next_of("ok"))["sub"] == "s"


async def test_a_subscription_says_what_to_watch() -> None:
    async with connected(await token()) as peer:
        assert (await peer.request("subscribe"))["code"] == "bad_request"
        assert (await peer.request("subscribe", devices={}))["code"] == "bad_request"


async def test_subscriptions_of_a_connection_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.web.live.socket.request_rate.BURST", 1_000.0)
    key = await device()
    async with connected(await token()) as peer:
        for _ in range(MAX_SUBSCRIPTIONS):
            assert (await peer.request("subscribe", devices={key: None}))["type"] == "ok"
        assert (await peer.request("subscribe", devices={key: None}))["code"] == "rate_limited"


async def test_all_devices_of_a_subscription_may_be_refused() -> None:
    async with connected(await token()) as peer:
        reply = await peer.request("subscribe", devices={"demo/none": None})
        assert (reply["type"], reply["refused"]) == ("ok", ["demo/none"])
        assert (await peer.request("unsubscribe", sub=reply["sub"]))["type"] == "ok"


# Commands --------------------------------------------------------------------------------------------------------


async def test_a_command_is_stored_and_each_step_is_told() -> None:
    key = await device()
    async with connected(await token(demo="operator")) as peer:
        await peer.watch(key)
        reply = await peer.request("command", device=key, name="set_led", args={"on": True}, ttl_s=30)
        command = reply["command"]
        assert (command["device"], command["name"], command["args"], command["status"], command["ttl_s"]) == (
            key,
            "set_led",
            {"on": True},
            "accepted",
            30,
        )
        assert [step["status"] for step in command["timeline"]] == ["accepted"]
        for status in ("sent", "done"):
            await bank.broadcast(await in_thread(bank.step)(command["id"], status))
        received = [(await peer.next_of("command"))["command"] for _ in range(2)]
        assert [one["status"] for one in received] == ["sent", "done"]
        assert [step["status"] for step in received[-1]["timeline"]] == ["accepted", "sent", "delivered", "done"]


async def test_a_command_is_told_once_a_socket_however_often_its_device_is_watched() -> None:
    key = await device()
    async with connected(await token()) as peer:
        await peer.watch(key)
        await peer.watch(site="*")
        command = (await peer.request("command", device=key, name="x"))["command"]
        await bank.broadcast(await in_thread(bank.step)(command["id"], "sent"))
        await peer.next_of("command")
        await peer.nothing_but()


async def test_a_lost_step_is_told_later() -> None:
    key = await device()
    async with connected(await token()) as peer:
        await peer.watch(key)
        command = (await peer.request("command", device=key, name="x"))["command"]
        await in_thread(bank.step)(command["id"], "done")
        assert (await peer.next_of("command"))["command"]["status"] == "done"


async def test_an_idempotency_key_makes_one_command() -> None:
    key = await device()
    async with connected(await token()) as peer:
        asked: dict[str, Any] = {"device": key, "name": "x", "idempotency_key": "k"}
        first, second = await peer.request("command", **asked), await peer.request("command", **asked)
        assert first["command"]["id"] == second["command"]["id"]
        assert (await peer.request("command", **{**asked, "name": "y"}))["code"] == "conflict"
    assert await in_thread(Command.objects.count)() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "with space"},
        {"name": 7},
        {"name": "x", "args": [1]},
        {"name": "x", "ttl_s": 0},
        {"name": "x", "ttl_s": 604_801},
        {"name": "x", "ttl_s": None},
        {"name": "x", "ttl_s": 1.5},
        {"name": "x", "idempotency_key": ""},
        {"name": "x", "args": {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}},
    ],
)
async def test_a_command_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    key = await device()
    async with connected(await token()) as peer:
        assert (await peer.request("command", device=key, **fields))["code"] == "bad_request"
    assert await in_thread(Command.objects.count)() == 0


async def test_a_command_to_nobody_is_refused() -> None:
    async with connected(await token()) as peer:
        assert (await peer.request("command", device="demo/none", name="x"))["code"] == "not_found"


# Desired ---------------------------------------------------------------------------------------------------------


async def carried_out_and_told_first(key: str, onlooker: Peer) -> None:
    """A worker whose broadcast is quicker than its answer: another socket has been shown it by then."""
    message = wire.unpack(await get_channel_layer().receive(devices_channel(bank.shard(key))))
    assert isinstance(message, RequestStored)
    await in_thread(settle)(message.request_id)
    await bank.change(key, ("telemetry", {"t": 1}))
    await onlooker.next_of("delta")
    await get_channel_layer().send(message.reply_to, wire.pack(RequestSettled(message.request_id)))


async def test_desired_is_answered_before_its_delta() -> None:
    key = await device()
    async with connected(await token()) as peer, connected(await token("onlooker")) as onlooker:
        await peer.watch(key)
        await onlooker.watch(key)
        worker = asyncio.create_task(carried_out_and_told_first(key, onlooker))
        reply = await peer.request("desired", device=key, patch={"target": 21})
        assert (reply["version"], reply["desired"]) == (1, {"target": 21})
        assert not [frame for frame in peer.seen if frame["type"] == "delta"]
        delta = await peer.next_of("delta")
        assert delta["items"][0]["desired"] == {"target": 21}
        await worker


async def test_desired_at_another_version_is_a_conflict() -> None:
    key = await device()
    async with connected(await token()) as peer, connected(await token("onlooker")) as onlooker:
        await onlooker.watch(key)
        worker = asyncio.create_task(carried_out_and_told_first(key, onlooker))
        assert (await peer.request("desired", device=key, patch={"a": 1}, if_version=3))["code"] == "conflict"
        await worker


# The link --------------------------------------------------------------------------------------------------------


async def test_the_link_is_told_at_once_and_at_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    shards = [ShardFacts(0, 0, 1, 5, "")]
    up = GatewayStatus(broker_up=True, since_ms=4, gateways=(GatewayRow(key="g", alive=True, broker_up=True),))
    facts = Facts(count=1, shards=shards, gateways=up)
    monkeypatch.setattr("devices.web.live.hub.survey_loop.survey", lambda *_: Survey(facts, []))
    every = dict.fromkeys(("broker", "workers", "gateway", "layer", "database"), "up")
    async with connected(await token()) as peer:
        first = await peer.receive()
        assert first == {"n": 1, "type": "link", **every, "fresh": True, "since": 5}
        facts = replace(facts, gateways=GatewayStatus(since_ms=9))
        second = await peer.receive()
        down = {**every, "broker": "down", "gateway": "down"}
        assert second == {"n": 2, "type": "link", **down, "fresh": False, "since": second["since"]}
        assert second["since"] > 9, "when it was seen"
        await peer.nothing_but()
