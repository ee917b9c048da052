"""Long polling: answers that end with news, and each goes on exactly where the one before left its client."""

import asyncio
from typing import Any

import pytest

from devices.models import StreamPosition
from devices.web.live.event_streams import poll
from devices.web.live.stream import positions
from tests.support.clients.web_socket import Stream
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.event_peer import polled, streaming
from tests.unit.devices.web.live.peer import token

pytestmark = pytest.mark.usefixtures("fleet")
DEVICES = ("demo/a", "demo/b", "demo/c")


def kinds(answer: dict[str, Any]) -> list[str]:
    return [frame["type"] for frame in answer["items"]]


def news(answer: dict[str, Any]) -> list[tuple[int, int]]:
    items = [item for frame in answer["items"] if frame["type"] == "delta" for item in frame["items"]]
    return [(item["prev"], item["rev"]) for item in items]


async def test_it_begins_with_a_snapshot_and_ends_with_each_news() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    shown = await token()
    first = await polled(shown, site="demo")
    assert kinds(first) == ["link", "snapshot"]
    rev = first["items"][1]["devices"][0]["rev"]
    waiting = asyncio.create_task(polled(shown, first["next"], site="demo"))
    await bank.change("demo/a", ("telemetry", {"t": 2}))
    second = await waiting
    assert news(second) == [(rev, rev + 1)]
    await bank.change_unheard("demo/a", ("telemetry", {"t": 3}), ("telemetry", {"t": 4}))
    third = await polled(shown, second["next"], site="demo")
    assert (news(third)[0][0], news(third)[-1][1]) == (rev + 1, rev + 3)


async def test_without_news_it_ends_when_the_time_is_over_and_keeps_nothing() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    shown = await token()
    first = await polled(shown, site="demo")
    second = await polled(shown, first["next"], wait=1, site="demo")
    assert (kinds(second), second["next"]) == (["link"], first["next"])
    empty = await polled(await token("empty", nothing="viewer"), wait=1)
    assert (kinds(empty), empty["items"][1]["devices"]) == (["link", "snapshot"], [])
    assert not await StreamPosition.objects.aexists()


@pytest.mark.parametrize("id_bytes", [45, 1024])
async def test_any_number_of_answers_leave_a_client_where_all_is(
    id_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where positions do not fit into ids, and where two go on from the same one."""
    monkeypatch.setattr(positions, "MAX_ID_BYTES", id_bytes)
    monkeypatch.setattr(poll, "GATHER_S", 0.0)
    shown, stream, other = await token(), Stream(), Stream()
    for device in DEVICES:
        await bank.change_unheard(device, ("telemetry", {"t": 0}))
    after = apply(stream, await polled(shown, site="demo"))
    apply(other, await polled(shown, site="demo"))
    forked = after
    for number in range(1, 6):
        await bank.change_unheard(DEVICES[number % 3], ("telemetry", {"t": number}))
        after = apply(stream, await polled(shown, after, site="demo"))
        if number == 2:  # a second client goes on from where the first one was
            forked = apply(other, await polled(shown, forked, site="demo"))
    apply(other, await polled(shown, forked, site="demo"))
    revs = {device: state["rev"] for device, state in stream.devices.items()}
    assert revs == {device: state["rev"] for device, state in other.devices.items()}
    assert {device: state["metrics"]["t"]["value"] for device, state in stream.devices.items()} == {
        "demo/a": 3, "demo/b": 4, "demo/c": 5,
    }  # fmt: skip


def apply(stream: Stream, answer: dict[str, Any]) -> str:
    """By the stream rule, which raises where it is broken."""
    for frame in answer["items"]:
        if frame["type"] in ("snapshot", "delta", "event", "gone"):
            stream.apply(frame)
    found: str = answer["next"]
    return found


@pytest.mark.parametrize("wait", ["0", "61", "-1", "x", "", "1e1", "٣"])
async def test_what_is_no_time_is_refused(wait: str) -> None:
    async with streaming(await token(), wait=wait) as peer:
        assert peer.status == 400
        assert (await peer.problem())["detail"] == "wait: a number of seconds from 1 to 60"
