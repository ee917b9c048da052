"""Frames on their way out, without a socket."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from devices.web.live.hub.write_queue import WriteQueue
from devices.web.live.queries.survey import Link
from devices.web.live.socket import credit
from devices.web.live.socket.frame_writer import FAILED, TOO_SLOW, FrameWriter, SocketClosedError
from devices.web.live.stream.rendering import Body
from devices.web.live.stream.server_frames import GoneFrame, LinkFrame, OkFrame, ServerFrame, decode
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target

SUB = Subscription(b'"1"', Target(), DeliveryOptions(), {})
GONE = Body(b'"type":"gone","sub":', b',"device":"s/a"}')


class Socket:
    """What a server was given."""

    def __init__(self) -> None:
        self.frames: list[ServerFrame] = []
        self.writes = 0
        self.close_code: int | None = None

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.close":
            self.close_code = event["code"]
        else:
            self.frames.append(decode(event["text"]))

    def write(self, texts: Sequence[bytes]) -> None:
        self.frames += map(decode, texts)
        self.writes += 1

    async def until_closed(self, writer: FrameWriter) -> None:
        async with asyncio.timeout(5):
            with pytest.raises(SocketClosedError):
                await writer.run()


def push_three(writer: FrameWriter) -> None:
    writer.link(Link("up", "down", "up", "up", "unknown", fresh=False, since=5))
    writer.reply("a", sub="a")
    writer.push_bodies(SUB, [GONE])


THREE = [
    LinkFrame(1, "link", "up", "down", "up", "up", "unknown", fresh=False, since=5),
    OkFrame(2, "ok", "a", sub="a"),
    GoneFrame(3, "gone", "1", "s/a"),
]


async def test_frames_are_sent_in_the_order_of_their_numbers_then_the_close() -> None:
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None))
    push_three(writer)
    writer.close(4401)
    writer.abort()
    await socket.until_closed(writer)
    assert socket.frames == THREE
    assert socket.close_code == 4401, "the first counts"


async def test_where_the_server_writes_at_once_all_goes_in_one_write() -> None:
    socket, written = Socket(), asyncio.Event()
    writer = FrameWriter(socket.send, WriteQueue(written.set), socket.write)
    push_three(writer)
    assert not socket.frames
    async with asyncio.timeout(5):
        await written.wait()
    assert (socket.frames, socket.writes) == (THREE, 1)


async def test_what_is_left_is_written_before_the_close() -> None:
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.write)
    push_three(writer)
    writer.abort()
    await socket.until_closed(writer)
    assert (socket.frames, socket.close_code) == (THREE, FAILED)


async def test_every_byte_counts_against_the_credit() -> None:
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.write)
    push_three(writer)
    texts: list[bytes] = []
    writer._write_texts = texts.extend
    writer.write_out()
    assert writer.credit.unacknowledged_bytes == sum(map(len, texts))


async def test_who_only_asks_and_never_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit, "REPLIES_LIMIT_BYTES", 100)
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None))
    for _ in range(3):
        writer.error(None, "bad_request", "x" * 40)
    await socket.until_closed(writer)
    assert socket.close_code == TOO_SLOW
