"""Event streams at a real Daphne, under a path: what comes before and around the events."""

import http.client
import json

import pytest

from tests.integration.web.conftest import Starter, Web
from tests.support.clients.server_sent import EventReader

FRIEND = "https://dash.example.org"
PATH = "/causeway/api/v1/stream"


@pytest.fixture(scope="module")
def web(start: Starter) -> Web:
    web: Web = start(PATH_PREFIX="/causeway", ALLOWED_ORIGINS=FRIEND)
    return web


def test_a_stream_begins_after_who_asks_is_known_and_only_by_get(web: Web) -> None:
    refused = web.ask("GET", PATH, Origin=FRIEND)
    assert (refused.status, refused.headers["Content-Type"]) == (401, "application/problem+json")
    assert json.loads(refused.content)["code"] == "unauthorized"
    assert refused.headers["Access-Control-Allow-Origin"] == FRIEND
    bearer = f"Bearer {web.token()}"
    assert web.ask("GET", f"{PATH}?site=none", Authorization=bearer).status == 404
    head = web.ask("HEAD", PATH, Authorization=bearer)
    assert (head.status, head.headers["Content-Type"], head.content) == (200, "text/event-stream", b"")
    assert web.ask("POST", PATH, b"", Authorization=bearer).status == 405
    assert web.ask("OPTIONS", PATH).headers["Allow"] == "GET, HEAD, OPTIONS"


def test_events_come_as_they_are_sent_and_nobody_keeps_them(web: Web) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    connection.request("GET", PATH, headers={"Authorization": f"Bearer {web.token()}", "Origin": FRIEND})
    answer = connection.getresponse()
    assert answer.status == 200
    expected = {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
        "Transfer-Encoding": "chunked",
        "Access-Control-Allow-Origin": FRIEND,
    }
    assert {name: answer.headers[name] for name in expected} == expected
    reader = EventReader()
    frames: list[str] = []
    while "snapshot" not in frames:
        frames += [frame["type"] for frame in reader.feed(answer.read1(65_536))]
    assert frames == ["link", "snapshot"]
    assert reader.last_id
    connection.close()
    assert "Traceback" not in web.process.log()
