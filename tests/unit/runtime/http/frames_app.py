"""Served by a real Daphne in the tests beside it: it writes what it is asked for, by the extension or by ``send``."""

import json
import os
import zlib
from typing import Any

from runtime.http import daphne_frames, response_flow

LONG_BYTES = 32 * 1024 * 1024

daphne_frames.install()
daphne_frames.compress(on=os.environ.get("COMPRESS") == "true")


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """``{"how": "write" | "deflated" | "send", "sizes": […]}``: a text of each size, all in one step.

    ``close`` closes after it. A message of another kind is answered with its length. HTTP: see :func:`answer`.
    """
    if scope["type"] == "http":
        await answer(scope, send)
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    direct = scope["extensions"][daphne_frames.EXTENSION]
    number = 0
    while (event := await receive())["type"] == "websocket.receive":
        if not event["text"].startswith('{"how"'):
            direct["write"]([(b"%d" % len(event["text"]), False)])
            continue
        asked = json.loads(event["text"])
        texts = [text(number + index, size) for index, size in enumerate(asked["sizes"])]
        number += len(texts)
        if asked["how"] == "send":
            for one in texts:
                await send({"type": "websocket.send", "text": one})
        else:
            deflates = asked["how"] == "deflated" and direct["takes_deflated"]()
            direct["write"]([payload(one.encode(), deflates) for one in texts])
        if asked.get("close"):
            await send({"type": "websocket.close", "code": 4000})
            direct["write"]([(b"after the end", False)])


written = [0]  # bytes, of each long answer


async def answer(scope: dict[str, Any], send: Any) -> None:
    """``/written``: how many bytes of the last long answer have been written. Else such a one, as it is taken."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/written":
        await send({"type": "http.response.body", "body": b"%d" % written[-1]})
        return
    written.append(0)
    with scope["extensions"][response_flow.EXTENSION]() as flow:
        while written[-1] < LONG_BYTES:
            await send({"type": "http.response.body", "body": b"x" * 16_384, "more_body": True})
            written[-1] += 16_384
            await flow.free()
    await send({"type": "http.response.body", "body": b""})


def payload(one: bytes, deflates: bool) -> tuple[bytes, bool]:
    if not deflates:
        return one, False
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    return (compressor.compress(one) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4], True


def text(number: int, size: int) -> str:
    """The text of a number: ``size`` characters, or as many as the number has."""
    return f"{number} ".ljust(size, "x")
