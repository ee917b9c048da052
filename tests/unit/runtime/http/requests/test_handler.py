"""A request's end: no thread for those that have needed none, and Django's own signals and cancelling as ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse
from django.urls import path

from runtime.http.requests.handler import RequestHandler
from runtime.http.requests.threads import RequestThreads

left = asyncio.Event()


async def in_the_loop(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("here")


async def in_a_thread(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(await sync_to_async(lambda: threading.current_thread().name)())


async def endless(_request: HttpRequest) -> HttpResponse:
    try:
        await asyncio.Event().wait()
    finally:
        left.set()
    raise AssertionError


urlpatterns = [path("loop", in_the_loop), path("thread", in_a_thread), path("endless", endless)]


@pytest.fixture(autouse=True)
def bare(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No middleware, and the signals as a web process has them (runtime.http.web_process)."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    monkeypatch.setattr(request_started, "receivers", [])


@pytest.fixture
def ends() -> Iterator[list[str]]:
    """The threads in which requests were finished."""
    found: list[str] = []

    def finished(**_: Any) -> None:
        found.append(threading.current_thread().name)

    request_finished.connect(finished)
    yield found
    request_finished.disconnect(finished)


async def ask(path: str, leaves: Callable[[], Any] | None = None) -> list[Any]:
    """What the server sends; the client leaves when ``leaves`` returns."""
    sent: list[Any] = []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    messages = [{"type": "http.request", "body": b""}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await (leaves() if leaves else asyncio.Event().wait())
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(10):
        await RequestThreads(RequestHandler())(scope, receive, send)
    return sent


async def test_a_request_that_needed_no_thread_begins_none(ends: list[str]) -> None:
    start, body = await ask("/loop")
    assert (start["status"], body["body"]) == (200, b"here")
    assert ends == [threading.current_thread().name]


async def test_one_that_needed_a_thread_ends_in_it(ends: list[str]) -> None:
    _, body = await ask("/thread")
    assert ends == [body["body"].decode()]
    assert ends != [threading.current_thread().name]


async def test_a_client_that_leaves_ends_what_is_done_for_it(ends: list[str]) -> None:
    async def leaves() -> None:
        await asyncio.sleep(0)

    left.clear()
    assert await ask("/endless", leaves) == []
    assert left.is_set()
    assert len(ends) == 1
