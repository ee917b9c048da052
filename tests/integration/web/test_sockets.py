"""WebSockets on a real Daphne: how many, and how large a frame."""

import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.web.conftest import Starter, Web
from tests.support.waiting import eventually

LIMIT = 20


@pytest.fixture(scope="module")
def web(start: Starter) -> Web:
    """With few places for a user."""
    web: Web = start(MAX_SOCKETS_PER_USER=str(LIMIT))
    return web


def opened(web: Web, token: str) -> ClientConnection:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://127.0.0.1:{web.port}/ws/v1/"
    return connect(url, additional_headers=headers, max_size=None, proxy=None)


def closed(socket: Any) -> int | None:
    """The code with which the server closes, whatever it says before."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(10)
    code: int | None = socket.close_code
    return code


def test_case_g6_one_token_has_a_bounded_number_of_sockets(web: Web) -> None:
    token = web.token()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(opened(web, token)) for _ in range(LIMIT)]
        for socket in held:
            socket.recv(10)
        with opened(web, token) as one_more:
            assert closed(one_more) == 4429
        held[0].close()

        def lets_in() -> bool:
            with opened(web, token) as again:
                return bool(again.recv(10))

        eventually(lets_in)


def test_case_g11_a_frame_over_a_mebibyte_is_answered_with_1009(web: Web) -> None:
    with opened(web, web.token("bob")) as socket:
        socket.recv(10)
        with contextlib.suppress(ConnectionClosed):
            socket.send("x" * (1024 * 1024 + 1))
        assert closed(socket) == 1009


def test_large_frames_come_compressed_small_ones_do_not(web: Web) -> None:
    with opened(web, web.token("carol")) as socket:
        assert socket.response is not None
        agreed = socket.response.headers["Sec-WebSocket-Extensions"]
        assert agreed == "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        compressed: list[bool] = []
        [deflate] = socket.protocol.extensions
        decode = deflate.decode

        def seen(frame: Any, **options: Any) -> Any:
            compressed.append(frame.rsv1)
            return decode(frame, **options)

        deflate.decode = seen  # type: ignore[method-assign]
        keys = [f"demo/none-{number}" for number in range(200)]
        for count in (200, 1, 200):
            socket.send(json.dumps({"type": "subscribe", "id": count, "devices": dict.fromkeys(keys[:count])}))
            reply: Any = {}
            while reply.get("id") != count:
                reply = json.loads(socket.recv(10))
            assert reply["refused"] == keys[:count]
            socket.send(json.dumps({"type": "unsubscribe", "id": f"end {count}", "sub": count}))
        assert compressed.count(True) == 2
        assert compressed.count(False) >= 2
