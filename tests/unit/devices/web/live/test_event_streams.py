"""Event streams through their whole consumer, on a database and the in-memory layer; only the server is missing."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from devices.models import ApiToken, Membership, Site, StreamPosition
from devices.requests.registry import register_device
from devices.web.live.event_streams import event_writer
from devices.web.live.hub import hub, survey_loop
from devices.web.live.queries.replay import list_devices
from devices.web.live.socket import catch_up
from devices.web.live.stream import positions, rendering
from devices.web.live.stream.targets import Target
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.event_peer import EventPeer, streaming
from tests.unit.devices.web.live.peer import connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async


def items(frame: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(one["device"], one["prev"], one["rev"]) for one in frame["items"]]


def snapshot_of(frame: dict[str, Any]) -> tuple[str, list[str]]:
    return frame["reason"], sorted(one["device"] for one in frame["devices"])


async def first_rev(peer: EventPeer) -> int:
    """Of the one device that a first snapshot shows."""
    rev: int = (await peer.next_of("snapshot"))["devices"][0]["rev"]
    return rev


# The stream ------------------------------------------------------------------------------------------------------


async def test_it_begins_with_the_link_and_a_snapshot_and_goes_on_with_every_change() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with streaming(await token(), site="demo") as peer:
        assert peer.status == 200
        assert peer.headers["content-type"] == "text/event-stream"
        assert (peer.headers["cache-control"], peer.headers["x-accel-buffering"]) == ("no-store", "no")
        assert (await peer.receive())["type"] == "link"
        rev = await first_rev(peer)
        await bank.change("demo/a", ("telemetry", {"t": 2}), ("event/door", {"line": "a\nb"}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev, rev + 1)]
        event = await peer.next_of("event")
        assert (event["rev"], event["data"]) == (rev + 2, {"line": "a\nb"})
        await bank.broadcast(await in_thread(bank.delete)("demo/a"))
        assert (await peer.next_of("gone"))["device"] == "demo/a"
        assert peer.reader.retry_ms == 1_000
    assert not hub._hubs


async def test_without_a_filter_it_is_all_that_may_be_seen_and_with_one_nothing_else() -> None:
    for device in ("demo/a", "demo/b", "other/c", "hidden/d"):
        await bank.change_unheard(device, ("telemetry", {"t": 1}))
    shown = await token(demo="viewer", other="viewer")
    for query, devices in (
        ({}, ["demo/a", "demo/b", "other/c"]),
        ({"site": "other"}, ["other/c"]),
        ({"device": ["demo/b", "other/c"]}, ["demo/b", "other/c"]),
        ({"site": "demo", "device": "demo/a"}, ["demo/a"]),
    ):
        async with streaming(shown, **query) as peer:
            assert snapshot_of(await peer.next_of("snapshot")) == ("subscribe", devices)
    async with streaming(await token("empty", nothing="viewer")) as peer:
        assert snapshot_of(await peer.next_of("snapshot")) == ("subscribe", [])


async def test_each_id_goes_on_exactly_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where positions do not fit into ids; by another web process it would be the same, nothing is in memory."""
    monkeypatch.setattr(positions, "MAX_ID_BYTES", 45)
    shown = await token()
    for device in ("demo/a", "demo/b", "demo/c"):
        await bank.change_unheard(device, ("telemetry", {"t": 0}))
    places: list[tuple[str, dict[str, int]]] = []
    async with streaming(shown, site="demo") as peer:
        revs = {one["device"]: one["rev"] for one in (await peer.next_of("snapshot"))["devices"]}
        places.append((peer.reader.last_id, dict(revs)))
        for number in range(1, 4):
            for device in list(revs):
                await bank.change(device, ("telemetry", {"t": number}))
                revs |= {at: rev for at, _, rev in items(await peer.next_of("delta"))}
                places.append((peer.reader.last_id, dict(revs)))
    assert all(before != after for (before, _), (after, _) in pairwise(places))
    assert await StreamPosition.objects.aexists()
    now = dict(await in_thread(list_devices)(Target()))
    for last_id, stood in places[::3]:
        async with streaming(shown, last_id, site="demo") as peer:
            expected = {(at, stood[at], now[at]) for at in now if stood[at] != now[at]}
            missed: set[tuple[str, int, int]] = set()
            while missed != expected:
                missed |= set(items(await peer.next_of("delta")))
            assert {frame["type"] for frame in peer.seen} <= {"link", "delta"}


async def test_who_was_away_hears_of_what_was_deleted_what_came_and_what_may_not_be_seen_any_more() -> None:
    shown = await token(demo="viewer", other="viewer")
    for device in ("demo/a", "demo/b", "other/c"):
        await bank.change_unheard(device, ("telemetry", {"t": 0}))
    async with streaming(shown) as peer:
        await peer.next_of("snapshot")
        last_id = peer.reader.last_id
    await in_thread(bank.delete)("demo/a")
    await bank.change_unheard("demo/new", ("telemetry", {"t": 0}))
    await in_thread(Membership.objects.filter(site__name="other").delete)()
    async with streaming(shown, last_id) as peer:
        assert (await peer.next_of("gone"))["device"] == "other/c"
        rest = [await peer.receive() for _ in range(2)]
        assert {frame["type"] for frame in rest} == {"gone", "snapshot"}
    async with streaming(shown, last_id, device="demo/a") as peer:
        assert (await peer.next_of("gone"))["device"] == "demo/a"


@pytest.mark.parametrize("last_id", ["nonsense", "unknown.7.AwA", "x" * 2000])
async def test_an_id_that_is_not_known_begins_anew_and_says_so(last_id: str) -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with streaming(await token(), last_id, site="demo") as peer:
        assert snapshot_of(await peer.next_of("snapshot")) == ("too_far", ["demo/a"])
        assert peer.reader.last_id != last_id


async def test_an_id_from_before_the_history_that_is_kept_is_too_far() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    shown = await token()
    async with streaming(shown, device="demo/a") as peer:
        rev, last_id = await first_rev(peer), peer.reader.last_id
    await bank.change_unheard("demo/a", *[("telemetry", {"t": number}) for number in range(5)])
    await in_thread(bank.purge)("demo/a", rev + 3)
    async with streaming(shown, last_id, device="demo/a") as peer:
        assert snapshot_of(await peer.next_of("snapshot")) == ("too_far", ["demo/a"])


async def test_a_large_site_comes_in_pages_of_which_the_last_has_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (catch_up, rendering):
        monkeypatch.setattr(module, "MAX_PAGE_DEVICES", 3)
    await in_thread(_register)(8)
    shown = await token()
    for last_id, reason in (("", "subscribe"), ("nonsense", "too_far")):
        async with streaming(shown, last_id, site="large") as peer:
            devices: set[str] = set()
            more, pages = True, 0
            while more:
                page = await peer.next_of("snapshot")
                assert page["reason"] == reason
                devices |= {one["device"] for one in page["devices"]}
                more, pages = page["more"], pages + 1
            assert (len(devices), pages) == (8, 3)
            after = peer.reader.last_id
            await bank.change("large/d7", ("telemetry", {"t": 1}))
            await peer.next_of("delta")
            assert peer.reader.last_id != after
        async with streaming(shown, after, site="large") as peer:
            assert [at for at, _, _ in items(await peer.next_of("delta"))] == ["large/d7"]


def _register(count: int) -> None:
    for number in range(count):
        register_device(f"large/d{number}")


# Who may ---------------------------------------------------------------------------------------------------------


async def test_who_may_not_is_told_why_before_a_stream_begins(settings: Settings) -> None:
    settings.ALLOWED_ORIGINS = settings.CORS_ALLOWED_ORIGINS = ["https://dash.example.org"]
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    shown, nobody = await token("ann", demo="viewer"), await token("nobody", gone="viewer")
    await in_thread(Membership.objects.filter(user__username="nobody").delete)()
    client = Client()
    await in_thread(client.force_login)(await User.objects.aget(username="ann"))
    cookie = {"cookie": f"sessionid={client.cookies['sessionid'].value}"}
    await in_thread(Site.objects.create)(name="other")
    foreign = {"origin": "https://dash.example.org"}
    cases: list[tuple[int, str | None, dict[str, str], dict[str, Any]]] = [
        (401, None, {}, {}),
        (401, "cwy_wrong", cookie, {}),
        (403, nobody, {}, {}),
        (403, None, cookie | foreign, {}),
        (404, shown, {}, {"site": "other"}),
        (404, shown, {}, {"site": "none"}),
        (404, shown, {}, {"device": ["demo/a", "demo/none"]}),
        (404, shown, {}, {"device": "other/a"}),
        (404, shown, {}, {"site": "demo", "device": "elsewhere/a"}),
        (404, shown, {}, {"device": "nonsense"}),
        (400, shown, {}, {"site": "a\0b"}),
        (400, shown, {"host": "evil.example"}, {}),
    ]
    for status, who, headers, query in cases:
        async with streaming(who, headers=headers, **query) as peer:
            assert (peer.status, headers, query) == (status, headers, query)
            assert (await peer.problem())["detail"]
    async with streaming(headers=cookie, site="demo") as peer:
        assert peer.status == 200
    async with streaming(shown, method="HEAD", site="demo") as peer:
        assert (peer.status, peer.headers["content-type"]) == (200, "text/event-stream")
        await peer.ended()
    async with streaming(shown, headers=foreign, site="demo") as peer:
        assert peer.headers["access-control-allow-origin"] == foreign["origin"]


async def test_rights_that_are_lost_end_it_and_what_is_out_of_sight_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_loop, "RIGHTS_EVERY_S", 0.0)
    for device in ("demo/a", "other/b"):
        await bank.change_unheard(device, ("telemetry", {"t": 0}))
    async with streaming(await token(demo="viewer", other="viewer")) as peer:
        await peer.next_of("snapshot")
        await in_thread(Membership.objects.filter(site__name="other").delete)()
        assert (await peer.next_of("gone"))["device"] == "other/b"
        await in_thread(ApiToken.objects.all().delete)()
        await peer.ended()
    assert not hub._hubs


async def test_streams_count_as_sockets(settings: Settings) -> None:
    settings.MAX_SOCKETS_PER_USER = 2
    shown = await token()
    async with streaming(shown) as peer, connected(shown) as socket:
        assert peer.status == 200
        assert (await socket.request("ping"))["type"] == "ok"
        async with streaming(shown) as one_more:
            assert one_more.status == 429
            assert (await one_more.problem())["code"] == "rate_limited"


# What is slow ----------------------------------------------------------------------------------------------------


async def test_a_silent_stream_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "IDLE_S", 0.05)
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with streaming(await token(), site="demo") as peer:
        rev = await first_rev(peer)
        while peer.reader.comments < 3:
            event = await peer.event()
            assert peer.reader.feed(event["body"]) == []
        await bank.change("demo/a", ("telemetry", {"t": 1}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev, rev + 1)]


async def test_a_client_that_takes_nothing_is_ended_and_goes_on_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "PATIENCE_S", 0.0)
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    shown, sent = await token(), 0
    async with streaming(shown, site="demo") as peer:
        rev = await first_rev(peer)
        last_id = peer.reader.last_id
        peer.flow.open.clear()
        ending = asyncio.create_task(peer.ended())
        while not ending.done():  # far more than 1 MiB would be needed to be ended, and is never kept
            sent += 1
            await bank.change("demo/a", ("telemetry", {"t": "x" * 60_000 + str(sent)}))
            await asyncio.sleep(0.01)
        await ending
        stood = max([rev, *(item["rev"] for frame in peer.seen if frame["type"] == "delta" for item in frame["items"])])
        last_id = peer.reader.last_id
    async with streaming(shown, last_id, site="demo") as peer:
        while stood < rev + sent:
            for _, prev, stood_now in items(await peer.next_of("delta")):
                assert prev == stood
                stood = stood_now
