"""The example of an outbox: what is to be said is stored with the handler's transaction, and said until it is taken."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module, reload
from typing import Any

import pytest
from django.test import modify_settings

from causeway import Presence
from causeway.testing import assert_exactly_once, feed
from devices.handlers.process import tasks
from devices.models import HandlerTask

pytestmark = pytest.mark.django_db


class Room:
    """A chat room with an incoming webhook, which takes messages or does not."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.status = 200
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                room.said.append((self.headers["Idempotency-Key"], body))
                self.send_response(room.status)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Nobody reads it."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    made = Room()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("NOTIFIER_URL", f"http://127.0.0.1:{made.server.server_port}/hooks/x")
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


@pytest.fixture
def notify(handlers: None) -> Iterator[Any]:
    """The app ``notifier`` is installed; its handler."""
    with modify_settings(INSTALLED_APPS={"append": "tests.apps.notifier"}):
        yield reload(import_module("tests.apps.notifier.causeway")).notify


def change(rev: int, status: str, why: str = "will", device: str = "hall/fern") -> Presence:
    return Presence(device, rev, status, 0, why)


CHANGES = [
    change(1, "online", "birth"), change(2, "offline"), change(3, "stale"), change(4, "online"), change(5, "online"),
    change(1, "unknown", device="hall/palm"), change(2, "stale", device="hall/palm"),
]  # fmt: skip


def test_it_says_once_that_a_device_is_gone_and_once_that_it_is_back(notify: Any, room: Room) -> None:
    feed(notify, CHANGES)
    assert room.said == []  # not before the commit, and not in the handler
    for row in tasks.claim(10):
        tasks.perform(row)
    assert sorted(room.said) == [
        ("presence:hall/fern@2", '{"text": "hall/fern is offline: will"}'),
        ("presence:hall/fern@4", '{"text": "hall/fern is back"}'),
        ("presence:hall/palm@2", '{"text": "hall/palm is stale: will"}'),
    ]
    assert not HandlerTask.objects.exists()


def test_what_the_room_does_not_take_is_said_again_with_the_same_key(
    notify: Any, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(notify, [change(2, "offline")])
    room.status = 503
    tasks.perform(tasks.claim(1)[0])
    assert HandlerTask.objects.get().why == "HTTPError: HTTP Error 503: Service Unavailable"
    assert tasks.claim(1) == []  # not at once
    room.status = 200
    due_ms = HandlerTask.objects.get().due_ms
    monkeypatch.setattr(tasks, "unix_ms", lambda: due_ms)
    tasks.perform(tasks.claim(1)[0])
    assert [key for key, _ in room.said] == ["presence:hall/fern@2"] * 2
    assert not HandlerTask.objects.exists()


def test_whatever_crashes_nothing_is_left_out_and_nothing_stored_twice(notify: Any) -> None:
    assert_exactly_once(notify, CHANGES)
