"""Frames on their way out, without a socket."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

import pytest

from devices.web.live.hub.fanout import WriteQueue
from devices.web.live.queries.survey import Link
from devices.web.live.socket import frame_writer
from devices.web.live.socket.frame_writer import (
    FAILED,
    LIMIT_BYTES,
    PATIENCE_S,
    REPLIES_LIMIT_BYTES,
    RESUME_BYTES,
    TOO_SLOW,
    Credit,
    Direct,
    FrameWriter,
    Payload,
    SocketClosedError,
    direct_of,
)
from devices.web.live.stream import rendering
from devices.web.live.stream.deflate import LEAST_BYTES, deflated
from devices.web.live.stream.rendering import Body, snapshot_body
from devices.web.live.stream.server_frames import GoneFrame, LinkFrame, OkFrame, ServerFrame, decode
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target

SUB = Subscription(b'"1"', Target(), DeliveryOptions(), {})
GONE = Body(b'"type":"gone","sub":', b',"device":"s/a"}')


class Socket:
    """What a server was given."""

    def __init__(self, *, takes_deflated: bool = False) -> None:
        self.frames: list[ServerFrame] = []
        self.payloads: list[Payload] = []
        self.writes = 0
        self.direct = Direct(self.write, lambda: takes_deflated)
        self.close_code: int | None = None

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.close":
            self.close_code = event["code"]
        else:
            self.frames.append(decode(event["text"]))

    def write(self, payloads: Sequence[Payload]) -> None:
        self.frames += map(decode, map(inflated, payloads))
        self.payloads += payloads
        self.writes += 1

    async def until_closed(self, writer: FrameWriter) -> None:
        async with asyncio.timeout(5):
            with pytest.raises(SocketClosedError):
                await writer.run()


def inflated(payload: Payload) -> bytes:
    """The text that a client makes of it, RFC 7692 7.2.2."""
    data, is_deflated = payload
    return zlib.decompressobj(-15).decompress(data + b"\x00\x00\xff\xff") if is_deflated else data


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
    writer = FrameWriter(socket.send, WriteQueue(written.set), socket.direct)
    push_three(writer)
    assert not socket.frames
    async with asyncio.timeout(5):
        await written.wait()
    assert (socket.frames, socket.writes) == (THREE, 1)


async def test_what_is_left_is_written_before_the_close() -> None:
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.direct)
    push_three(writer)
    writer.abort()
    await socket.until_closed(writer)
    assert (socket.frames, socket.close_code) == (THREE, FAILED)


async def test_every_byte_counts_against_the_credit() -> None:
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.direct)
    push_three(writer)
    writer.write_out()
    assert writer.credit.unacknowledged_bytes == sum(len(data) for data, _ in socket.payloads)


def page(devices: int) -> Body:
    one = b'{"device":"s/a","rev":1,"metrics":{},"reported":{},"desired":{},"desired_version":0,"tags":[],'
    return snapshot_body(
        "new", [one + b'"presence":{"status":"online","since":1,"why":"birth"}}'] * devices, more=False
    )


async def test_large_frames_are_compressed_for_who_takes_it_and_what_is_alike_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[bytes] = []

    def compress(text: bytes) -> bytes:
        made.append(text)
        return deflated(text)

    monkeypatch.setattr(rendering, "deflated", compress)
    large, small = page(100), page(1)
    sockets = [Socket(takes_deflated=True), Socket(takes_deflated=True), Socket()]
    for number, socket in enumerate(sockets):
        writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.direct)
        for _ in range(number + 1):  # so that each has other numbers
            writer.reply("x" * 120)
        writer.push_bodies(SUB, [large, small])
        writer.write_out()
        assert [frame.n for frame in socket.frames] == list(range(1, number + 4))
        assert socket.frames[-2:] == [decode(body.frame(number + at, SUB.sub)) for at, body in ((2, large), (3, small))]
        assert writer.credit.unacknowledged_bytes == sum(len(inflated(one)) for one in socket.payloads), "of the text"
    assert made == [large.after]
    assert [[is_deflated for _, is_deflated in socket.payloads[-2:]] for socket in sockets] == [
        [True, False], [True, False], [False, False],
    ]  # fmt: skip
    assert len(sockets[0].payloads[-2][0]) < large.size / 10


async def test_a_large_reply_is_compressed_and_one_below_a_kibibyte_is_not() -> None:
    socket = Socket(takes_deflated=True)
    writer = FrameWriter(socket.send, WriteQueue(lambda: None), socket.direct)
    writer.error("a", "bad_request", "x" * LEAST_BYTES)
    writer.error("b", "bad_request", "x" * (LEAST_BYTES - 100))
    writer.write_out()
    assert [is_deflated for _, is_deflated in socket.payloads] == [True, False]
    assert [frame.n for frame in socket.frames] == [1, 2]


def test_a_server_without_the_extension_writes_by_send_alone() -> None:
    assert direct_of({}) is None
    assert direct_of({"extensions": {"websocket.http.response": {}}}) is None


async def test_who_only_asks_and_never_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_writer, "REPLIES_LIMIT_BYTES", 100)
    socket = Socket()
    writer = FrameWriter(socket.send, WriteQueue(lambda: None))
    for _ in range(3):
        writer.error(None, "bad_request", "x" * 40)
    await socket.until_closed(writer)
    assert socket.close_code == TOO_SLOW


# Credit ----------------------------------------------------------------------------------------------------------


def test_frames_are_numbered_from_one() -> None:
    credit = Credit()
    assert credit.n == 0
    credit.sent(10)
    assert credit.n == 1


def test_a_stream_may_send_one_mebibyte_unacknowledged() -> None:
    credit = Credit()
    credit.sent(LIMIT_BYTES - 100)
    assert credit.fits(100)
    assert not credit.fits(101)
    credit.sent(100)
    assert not credit.fits(1)
    assert credit.acknowledge(1)
    assert credit.unacknowledged_bytes == 100
    assert credit.fits(LIMIT_BYTES - 100)


def test_what_exceeds_all_credit_is_sent_when_nothing_is_unacknowledged() -> None:
    credit = Credit()
    assert credit.fits(LIMIT_BYTES + 1)
    credit.sent(1)
    assert not credit.fits(LIMIT_BYTES + 1)


def test_an_acknowledgement_of_what_was_never_sent_is_wrong() -> None:
    credit = Credit()
    credit.sent(10)
    assert not credit.acknowledge(2)
    assert not credit.acknowledge(-1)
    assert credit.unacknowledged_bytes == 10
    assert credit.acknowledge(1)
    assert credit.acknowledge(1)  # again: fine
    assert credit.acknowledge(0)


def test_a_client_that_makes_no_progress_is_lost_after_a_minute() -> None:
    credit = Credit()
    credit.sent(10)
    credit.sent(10)
    assert not credit.is_lost(1e9)
    credit.block(100)
    credit.block(150)  # still the same
    assert not credit.is_lost(100 + PATIENCE_S - 1)
    assert credit.is_lost(100 + PATIENCE_S)
    credit.acknowledge(1)
    assert not credit.is_lost(1e9)
    credit.block(200)
    credit.acknowledge(1)  # no progress
    assert credit.is_lost(200 + PATIENCE_S)


def test_replies_are_bounded_as_well() -> None:
    credit = Credit()
    credit.sent(REPLIES_LIMIT_BYTES)
    assert not credit.is_lost(0)
    credit.sent(1)
    assert credit.is_lost(0)


def test_a_stream_goes_on_when_a_quarter_is_free() -> None:
    credit = Credit()
    credit.sent(RESUME_BYTES)
    assert credit.may_resume
    credit.sent(1)
    assert not credit.may_resume
