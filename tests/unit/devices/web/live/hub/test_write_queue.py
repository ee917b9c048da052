"""Sockets write one after the other."""

import asyncio
import time

import pytest

from devices.web.live.hub import fanout
from devices.web.live.hub.fanout import WriteQueue


class Socket:
    def __init__(self, served: list[str], name: str, seconds: float = 0.0) -> None:
        self.served, self.name, self.seconds = served, name, seconds

    def write_out(self) -> None:
        ends = time.monotonic() + self.seconds
        while time.monotonic() < ends:
            pass
        self.served.append(self.name)

    def abort(self) -> None:
        self.served.append(f"{self.name} aborted")


async def test_first_come_first_served_then_done() -> None:
    served: list[str] = []
    done = asyncio.Event()
    line = WriteQueue(done.set)
    for name in "abc":
        line.ask(Socket(served, name))
    assert line.busy
    assert served == []  # not while somebody still pushes
    async with asyncio.timeout(5):
        await done.wait()
    assert served == ["a", "b", "c"]
    assert not line.busy


async def test_others_get_their_turn_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "SLICE_S", 0.001)
    served: list[str] = []
    done = asyncio.Event()
    line = WriteQueue(done.set)
    for _ in range(10):
        line.ask(Socket(served, "socket", 0.002))
    async with asyncio.timeout(5):
        while not done.is_set():
            await asyncio.sleep(0)
            served.append("other")
    first, last = served.index("socket"), len(served) - 1 - served[::-1].index("socket")
    assert "other" in served[first:last]
    assert served.count("socket") == 10


async def test_who_asks_while_served_is_served_too() -> None:
    served: list[str] = []
    done = asyncio.Event()
    line = WriteQueue(done.set)

    class Again(Socket):
        def write_out(self) -> None:
            super().write_out()
            line.ask(Socket(served, "later"))

    line.ask(Again(served, "first"))
    async with asyncio.timeout(5):
        await done.wait()
    assert served == ["first", "later"]


async def test_who_fails_is_closed_and_the_others_are_served() -> None:
    served: list[str] = []
    done = asyncio.Event()
    line = WriteQueue(done.set)

    class Broken(Socket):
        def write_out(self) -> None:
            raise ConnectionError("gone")

    line.ask(Broken(served, "broken"))
    line.ask(Socket(served, "other"))
    async with asyncio.timeout(5):
        await done.wait()
    assert served == ["broken aborted", "other"]
    assert not line.busy
