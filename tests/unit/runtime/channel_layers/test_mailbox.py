"""One stream for many channels: everybody gets what is theirs, nothing is read that nobody waits for."""

import asyncio
import threading
from collections import deque
from typing import Any

import pytest

from runtime.channel_layers import mailbox
from runtime.channel_layers.mailbox import Mailbox, Received, Unclaimed
from tests.support.waiting import eventually_async


class Stream:
    """What Redis has for us. Reading waits until there is something; ``failures`` come first."""

    def __init__(self) -> None:
        self.waiting: deque[Received] = deque()
        self.failures: deque[Exception] = deque()
        self.reads = 0
        self._more = asyncio.Event()

    def put(self, *channels: str, number: int = 0) -> None:
        self.waiting.append((list(channels), {"number": number}))
        self._more.set()

    def fail(self, error: Exception) -> None:
        self.failures.append(error)
        self._more.set()

    async def read(self) -> Received | None:
        self.reads += 1
        while not self.waiting and not self.failures:
            self._more.clear()
            await self._more.wait()
        if self.failures:
            raise self.failures.popleft()
        return self.waiting.popleft()


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def box(stream: Stream) -> Mailbox:
    return Mailbox(stream.read, Unclaimed(capacity=3))


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_each_gets_what_is_for_its_channel_in_order(box: Mailbox, stream: Stream) -> None:
    for number in range(3):
        stream.put("a", number=number)
        stream.put("b", number=10 + number)
    assert [(await box.receive("b"))["number"] for _ in range(3)] == [10, 11, 12]
    assert [(await box.receive("a"))["number"] for _ in range(3)] == [0, 1, 2]


async def test_a_message_for_several_channels_reaches_each(box: Mailbox, stream: Stream) -> None:
    waiting = [asyncio.create_task(box.receive(channel)) for channel in ("a", "b")]
    await _turns()
    stream.put("a", "b", number=7)
    assert [message["number"] for message in await asyncio.gather(*waiting)] == [7, 7]


async def test_of_several_who_wait_for_one_channel_each_gets_one(box: Mailbox, stream: Stream) -> None:
    waiting = [asyncio.create_task(box.receive("a")) for _ in range(3)]
    await _turns()
    for number in range(3):
        stream.put("a", number=number)
    messages = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert sorted(message["number"] for message in messages) == [0, 1, 2]


async def test_whoever_comes_while_a_message_is_handed_over_is_served_too(box: Mailbox, stream: Stream) -> None:
    first = asyncio.create_task(box.receive("a"))
    await _turns()
    stream.put("a", number=1)
    await asyncio.sleep(0)  # it is in the queue, or about to be
    second = asyncio.create_task(box.receive("a"))
    await _turns()
    stream.put("a", number=2)
    messages = await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert sorted(message["number"] for message in messages) == [1, 2]


async def test_nothing_is_read_unless_somebody_waits(box: Mailbox, stream: Stream) -> None:
    stream.put("a", number=1)
    stream.put("a", number=2)
    assert (await box.receive("a"))["number"] == 1
    await _turns()
    assert stream.reads == 1
    assert len(stream.waiting) == 1


async def test_a_failure_reaches_all_who_wait_and_the_next_one_tries_again(box: Mailbox, stream: Stream) -> None:
    waiting = [asyncio.create_task(box.receive(channel)) for channel in ("a", "a", "b")]
    await _turns()
    stream.fail(OSError("away"))
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError, OSError]
    stream.put("a", number=3)
    assert (await box.receive("a"))["number"] == 3


async def test_what_comes_for_one_who_has_given_up_waits_for_the_next(box: Mailbox, stream: Stream) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await box.receive("a")
    stream.put("a", number=5)
    await eventually_async(lambda: not stream.waiting)
    assert (await box.receive("a"))["number"] == 5


async def test_of_too_many_messages_for_one_channel_the_newest_are_kept(box: Mailbox, stream: Stream) -> None:
    for number in range(5):
        stream.put("a", number=number)
    stream.put("b")
    await box.receive("b")
    assert [(await box.receive("a"))["number"] for _ in range(3)] == [2, 3, 4]


async def test_channels_that_nobody_waits_for_are_forgotten_when_there_are_too_many(
    box: Mailbox, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "_UNCLAIMED", 2)
    for number, channel in enumerate("abcd"):
        stream.put(channel, number=number)
    stream.put("z")
    await box.receive("z")
    stream.put("a", number=100)
    assert (await box.receive("d"))["number"] == 3
    assert (await box.receive("a"))["number"] == 100


async def test_closed_it_reads_no_more(box: Mailbox, stream: Stream) -> None:
    waiting = asyncio.create_task(box.receive("a"))
    await _turns()
    box.close()
    await _turns()
    stream.put("a")
    await _turns()
    assert len(stream.waiting) == 1
    waiting.cancel()


def test_case_f10_what_one_event_loop_reads_for_another_is_not_lost() -> None:
    """One after the other: the first loop ends with a message that nobody asked it for."""
    unclaimed = Unclaimed(capacity=3)

    async def receive(channel: str, *arriving: str) -> Any:
        stream = Stream()
        for number, name in enumerate(arriving):
            stream.put(name, number=number)
        box = Mailbox(stream.read, unclaimed)
        try:
            async with asyncio.timeout(5):
                return (await box.receive(channel))["number"]
        finally:
            box.close()

    assert asyncio.run(receive("b", "a", "b")) == 1
    assert asyncio.run(receive("a")) == 0


async def test_case_f10_what_one_event_loop_reads_for_one_that_waits_in_another_gets_there() -> None:
    unclaimed, waits = Unclaimed(capacity=3), threading.Event()

    async def wait_in_another() -> Any:
        box = Mailbox(Stream().read, unclaimed)
        receiving = asyncio.create_task(box.receive("a"))
        await asyncio.sleep(0)
        waits.set()
        async with asyncio.timeout(5):
            return (await receiving)["number"]

    other = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(wait_in_another())))
    await asyncio.to_thread(waits.wait, 5)
    stream = Stream()
    stream.put("a", number=7)
    stream.put("b")
    box = Mailbox(stream.read, unclaimed)
    await box.receive("b")
    assert await other == 7
