"""What the client refuses by itself, and what it says when it is turned away: clear errors, nothing sent, no loop."""

import asyncio
import datetime as dt
import math
from typing import Any

import pytest

from causeway_client import Outage, RequestError, Resumed, TurnedAwayError
from causeway_client.sendable import MOST_BYTES, encoded
from tests.unit.causeway_client.fake_server import FakeServer, soon

ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ({"t": math.nan}, ValueError, r"args\.t: nan .*None"),
        ({"limits": [1, -math.inf]}, ValueError, r"args\.limits\.1: -inf"),
        ({"on": {1, 2}}, TypeError, r"args\.on: a set .*list"),
        ({"raw": b"x"}, TypeError, r"args\.raw: a bytes .*base64"),
        ({"f": print}, TypeError, r"args\.f: a builtin_function"),
        ({"at": dt.date(2026, 1, 1)}, TypeError, r"args\.at: a date .*str\(\)"),
        ({"m": {1: 2}}, TypeError, r"args\.m: the key 1 is no text"),
        ({"t": "\ud800"}, ValueError, r"args\.t: .*surrogate"),
        (ITSELF, ValueError, r"args\.0.*contains itself"),
    ],
    ids=["NaN", "infinity", "set", "bytes", "function", "date", "key", "surrogate", "itself"],
)
async def test_case_g12_what_is_no_json_is_refused_with_its_place(
    server: FakeServer, args: Any, error: type[Exception], message: str
) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        with pytest.raises(error, match=message):
            await client.command("s/a", "led", args)
        if isinstance(args, dict):
            with pytest.raises(error, match=message.replace("args", "patch")):
                await client.desired("s/a", args)
        asked = asyncio.create_task(client.command("s/a", "led", {"word": "größer", "pair": (1, None)}))
        request = await peer.next("command")  # the first that arrives
        assert request["args"] == {"word": "größer", "pair": [1, None]}
        asked.cancel()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "either a site"),
        ({"site": "s", "devices": ["s/a"]}, "either a site"),
        ({"devices": "s/a"}, r'list of keys, like \["s/a"\]'),
        ({"site": "s", "max_rate_hz": math.nan}, "max_rate_hz"),
        ({"site": "s", "description": "none"}, "description"),
        ({"site": "s", "readings": "none"}, "readings"),
    ],
)
async def test_case_g12_follow_says_what_to_give(server: FakeServer, target: dict[str, Any], message: str) -> None:
    async with server.client() as client:
        with pytest.raises((TypeError, ValueError), match=message):
            client.follow(**target)


async def test_case_g11_a_request_over_256_kib_is_refused_before_it_is_sent(server: FakeServer) -> None:
    async with server.client() as client:
        peer = await server.next_peer()
        for text in ("ü" * 140_000, "x" * 1_100_000):
            with pytest.raises(RequestError, match=rf"\d+ bytes, the server takes {MOST_BYTES}") as raised:
                await client.command("s/a", "show", {"text": text})
            assert raised.value.code == "too_large"
        asked = asyncio.create_task(client.command("s/a", "small"))
        assert (await peer.next("command"))["name"] == "small"
        asked.cancel()


def test_case_g11_the_limit_itself_may_be_sent() -> None:
    room = MOST_BYTES - len('{"args": ""}')
    assert len(encoded({"args": "x" * room})) == MOST_BYTES
    with pytest.raises(RequestError):
        encoded({"args": "x" * (room + 1)})


async def test_case_g11_too_many_devices_at_once_fail_for_good(server: FakeServer) -> None:
    async with server.client() as client:
        await server.next_peer()
        following = client.follow(devices=[f"site/device-with-a-long-name-{n}" for n in range(10_000)])
        with pytest.raises(RequestError, match="send less") as raised:
            await soon(anext(following))
        assert raised.value.code == "too_large"
        assert client.connections == 1


async def test_case_g11_what_closed_the_line_with_1009_is_not_repeated(server: FakeServer) -> None:
    async with server.client() as client:
        following = client.follow(site="s")
        peer = await server.next_peer()
        await peer.accept()
        asked = asyncio.create_task(client.command("s/a", "led"))
        await peer.next("command")
        await peer.close(1009)
        with pytest.raises(RequestError, match="proxy") as raised:
            await soon(asked)
        assert raised.value.code == "too_large"
        assert isinstance(outage := await soon(anext(following)), Outage)
        assert "too large" in outage.why
        again = await server.next_peer()
        await again.accept()
        assert isinstance(await soon(anext(following)), Resumed)
        assert again.frames.empty()


@pytest.mark.parametrize(
    ("code", "words"),
    [(1012, "restarts"), (4408, "acknowledged"), (4429, "too many sockets"), (4999, "closed")],
)
async def test_case_g11_a_close_code_says_what_it_means(server: FakeServer, code: int, words: str) -> None:
    async with server.client() as client:
        following = client.follow(site="s")
        peer = await server.next_peer()
        await peer.accept()
        await peer.close(code)
        assert isinstance(outage := await soon(anext(following)), Outage)
        assert words in outage.why
        assert str(code) in outage.why


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refused"), (404, "/ws/v1/"), (426, "Upgrade"), (403, "right server")]
)
async def test_case_g11_a_refused_websocket_says_what_to_look_at(server: FakeServer, status: int, words: str) -> None:
    server.refusals = [status]
    async with server.client() as client:
        with pytest.raises(TurnedAwayError, match=words):
            await soon(anext(client.follow(site="s")))
