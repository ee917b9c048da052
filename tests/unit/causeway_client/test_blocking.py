"""The client for programs without asyncio: in threads of a test, against a server on an event loop of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from causeway_client import (
    Backoff,
    BlockingClient,
    Complete,
    Delta,
    Link,
    Outage,
    RequestError,
    Resumed,
    Snapshot,
    TurnedAwayError,
)
from tests.unit.causeway_client.fake_server import FakeServer, Peer, fake_server

T = TypeVar("T")


class Loop:
    """An event loop in a thread, with a fake server on it."""

    def __init__(self) -> None:
        self._runner = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._runner.run_forever, daemon=True)
        self._thread.start()
        self._server = fake_server()
        self.server: FakeServer = self.run(self._server.__aenter__())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._runner).result(15)

    def close(self) -> None:
        self.run(self._server.__aexit__(None, None, None))
        self._runner.call_soon_threadsafe(self._runner.stop)
        self._thread.join(15)
        self._runner.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@contextmanager
def client(loop: Loop) -> Iterator[BlockingClient]:
    url = f"ws://127.0.0.1:{loop.server.port}/ws/v1/"
    with BlockingClient(url, "secret", proxy=None, backoff=Backoff(0.02, 0.05)) as made:
        yield made


PARTS = ("broker", "workers", "gateway", "layer", "database")


async def begun(server: FakeServer) -> tuple[Peer, str]:
    """A subscription that was shown ``s/a``."""
    peer = await server.next_peer()
    sub = (await peer.accept())["id"]
    await peer.send("link", **dict.fromkeys(PARTS, "up"), fresh=True, since=1)
    await peer.show(sub, "s/a")
    return peer, sub


def test_a_plain_loop_follows_through_an_outage(loop: Loop) -> None:
    with client(loop) as some, some.follow(site="s") as following:
        peer, sub = loop.run(begun(loop.server))
        assert [type(next(following)) for _ in range(3)] == [Link, Snapshot, Complete]
        assert some.link == Link("up", "up", 1, "up", "up", "up", fresh=True)
        loop.run(peer.change(sub, "s/a", 1))
        assert isinstance(next(following), Delta)
        some.reconnect()
        assert isinstance(next(following), Outage)
        again = loop.run(loop.server.next_peer())
        assert loop.run(again.accept())["devices"] == {"s/a": 2} == following.stream.revs
        assert isinstance(next(following), Resumed)
        assert some.connections == 2


def test_requests_wait_for_their_answer(loop: Loop) -> None:
    async def answer(kind: str, **fields: Any) -> None:
        await peer.send("ok", id=(await peer.next(kind))["id"], **fields)

    with client(loop) as some, ThreadPoolExecutor(1) as thread:
        peer = loop.run(loop.server.next_peer())
        asked = thread.submit(some.command, "s/a", "led", {"on": True})
        loop.run(answer("command", command={"id": "1"}))
        assert asked.result(15) == {"id": "1"}
        asked = thread.submit(some.desired, "s/a", {"t": 1})
        loop.run(answer("desired", version=2))
        assert asked.result(15)["version"] == 2
        with pytest.raises(RequestError, match="timeout"):
            some.command("s/a", "led", timeout_s=0.01)


def test_what_is_asked_while_the_loop_ends_does_not_wait(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(_coroutine: object, _loop: object) -> Future[object]:
        """The loop takes it and ends before it comes to it."""
        thread.submit(some.close).result(15)
        return Future()

    with client(loop) as some, ThreadPoolExecutor(1) as thread:
        following = some.follow(site="s")
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", too_late)
        assert list(following) == []
        monkeypatch.undo()


def test_what_is_asked_before_the_loop_ends_does_not_wait(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    with client(loop) as some, ThreadPoolExecutor(1) as thread:
        following = some.follow(site="s")
        asked = threading.Event()

        def never_begun(_coroutine: object, _loop: object) -> Future[object]:
            asked.set()
            return Future()

        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", never_begun)
        told = thread.submit(list, following)
        assert asked.wait(15)
        some.close()
        assert told.result(15) == []
        monkeypatch.undo()


def test_closing_ends_a_loop_in_another_thread(loop: Loop) -> None:
    with client(loop) as some, ThreadPoolExecutor(1) as thread:
        following = some.follow(site="s")
        loop.run(begun(loop.server))
        told = thread.submit(list, following)
        some.close()
        assert all(not isinstance(change, Delta) for change in told.result(15))
        some.close()
    for call in (lambda: some.command("s/a", "led"), lambda: some.follow(site="s")):
        with pytest.raises(RequestError, match="closed"):
            call()
    assert list(following) == []


def test_who_is_turned_away_is_told(loop: Loop) -> None:
    with client(loop) as some:
        following = some.follow(site="s")
        peer, _ = loop.run(begun(loop.server))
        loop.run(peer.close(4401))
        with pytest.raises(TurnedAwayError, match="token"):
            list(following)


def test_a_bad_url_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="URI"):
        BlockingClient("nowhere", "secret")
