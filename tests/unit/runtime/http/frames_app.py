"""Served by a real Daphne in test_daphne_frames.py: it writes what it is asked for, by the extension or by ``send``."""

import json
from typing import Any

from runtime.http import daphne_frames

daphne_frames.install()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """``{"how": "write" | "send", "sizes": […]}``: a text of each size, all in one step; ``close`` closes after it."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    write = scope["extensions"][daphne_frames.EXTENSION]["write"]
    number = 0
    while (event := await receive())["type"] == "websocket.receive":
        asked = json.loads(event["text"])
        texts = [text(number + index, size) for index, size in enumerate(asked["sizes"])]
        number += len(texts)
        if asked["how"] == "write":
            write([one.encode() for one in texts])
        else:
            for one in texts:
                await send({"type": "websocket.send", "text": one})
        if asked.get("close"):
            await send({"type": "websocket.close", "code": 4000})
            write([b"after the end"])


def text(number: int, size: int) -> str:
    """The text of a number: ``size`` characters, or as many as the number has."""
    return f"{number} ".ljust(size, "x")
