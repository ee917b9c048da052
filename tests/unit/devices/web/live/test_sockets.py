"""Watching through whole sockets, on a database and the in-memory layer; only the server between is missing."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import OperationalError

from bridge.names import dashboard_group
from devices.requests.registry import register_device
from devices.web.live.hub import hub, repair
from devices.web.live.queries import replay
from devices.web.live.socket import catch_up, frame_writer
from devices.web.live.socket.frame_writer import LIMIT_BYTES
from devices.web.live.stream import feed, rendering
from devices.web.live.stream.subscription import Subscription
from tests.support.waiting import eventually_async
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.peer import Peer, connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async


def items(frame: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(one["device"], one["prev"], one["rev"]) for one in frame["items"]]


def about(frame: dict[str, Any], device: str) -> bool:
    if frame["type"] == "delta":
        return device in [one["device"] for one in frame["items"]]
    return bool(frame.get("device") == device or device in [one["device"] for one in frame.get("devices", [])])


# The stream ------------------------------------------------------------------------------------------------------


async def test_a_change_arrives_as_a_delta_from_the_snapshot_on() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        snapshot = await peer.watch("demo/a")
        assert (snapshot["sub"], snapshot["reason"], snapshot["more"]) == ("1", "subscribe", False)
        rev = snapshot["devices"][0]["rev"]
        await bank.change("demo/a", ("telemetry", {"t": 2}))
        delta = await peer.next_of("delta")
        assert items(delta) == [("demo/a", rev, rev + 1)]
        assert delta["items"][0]["readings"][0]["metrics"] == {"t": 2}


async def test_nothing_is_left_when_the_last_socket_has_gone() -> None:
    shown = await token()
    async with connected(shown) as one, connected(shown) as other:
        await one.watch(site="*")
        await other.watch(site="*")
        assert len(hub._hubs) == 1
    assert not hub._hubs
    assert not get_channel_layer("groups").groups.get(dashboard_group(0))


async def test_events_cut_the_deltas() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a"))["devices"][0]["rev"]
        messages = [("telemetry", {"t": 2}), ("event/door", {"open": True}), ("telemetry", {"t": 3})]
        await bank.change("demo/a", *messages)
        before, event, after = [await peer.receive() for _ in range(3)]
        assert items(before) == [("demo/a", rev, rev + 1)]
        assert (event["type"], event["name"], event["data"], event["rev"]) == ("event", "door", {"open": True}, rev + 2)
        assert items(after) == [("demo/a", rev + 2, rev + 3)]


async def test_a_site_is_watched_with_the_devices_that_come_later() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await bank.change_unheard("other/x", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        snapshot = await peer.watch(site="demo")
        assert [one["device"] for one in snapshot["devices"]] == ["demo/a"]
        await bank.change("other/x", ("telemetry", {"t": 2}))
        await bank.change("demo/b", ("telemetry", {"t": 7}))
        new = await peer.next_of("snapshot")
        assert (new["reason"], new["devices"][0]["metrics"]["t"]["value"]) == ("new", 7)
        await bank.change("demo/b", ("telemetry", {"t": 8}))
        assert items(await peer.next_of("delta"))[0][0] == "demo/b"
        assert not any(about(frame, "other/x") for frame in peer.seen)


async def test_a_device_that_is_only_registered_comes_too() -> None:
    async with connected(await token()) as peer:
        assert (await peer.watch(site="*"))["devices"] == []
        await in_thread(register_device)("demo/quiet")
        assert (await peer.next_of("snapshot"))["devices"][0]["device"] == "demo/quiet"


async def test_a_site_without_devices_begins_with_an_empty_snapshot() -> None:
    async with connected(await token()) as peer:
        snapshot = await peer.watch(site="*")
        assert (snapshot["devices"], snapshot["more"]) == ([], False)


async def test_a_deleted_device_is_gone_and_its_successor_new() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        rev = (await peer.watch(site="demo"))["devices"][0]["rev"]
        await bank.broadcast(await in_thread(bank.delete)("demo/a"))
        assert (await peer.next_of("gone"))["device"] == "demo/a"
        await bank.change("demo/a", ("telemetry", {"t": 9}))
        new = await peer.next_of("snapshot")
        assert new["reason"] == "new"
        assert new["devices"][0]["rev"] > rev
        assert new["devices"][0]["reported"] == {}


async def test_who_comes_back_gets_what_was_missed() -> None:
    first = await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    rev = first.changes[-1].rev  # type: ignore[union-attr]
    await bank.change_unheard("demo/a", ("telemetry", {"t": 2}), ("event/x", 1), ("telemetry", {"t": 3}))
    async with connected(await token()) as peer:
        await peer.request("subscribe", devices={"demo/a": rev})
        before, event, after = [await peer.receive() for _ in range(3)]
        assert items(before) == [("demo/a", rev, rev + 1)]
        assert event["rev"] == rev + 2
        assert items(after) == [("demo/a", rev + 2, rev + 3)]
        await bank.change("demo/a", ("telemetry", {"t": 4}))
        assert items(await peer.receive()) == [("demo/a", rev + 3, rev + 4)]


async def test_who_missed_nothing_gets_nothing() -> None:
    done = await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    rev = done.changes[-1].rev  # type: ignore[union-attr]
    async with connected(await token()) as peer:
        await peer.request("subscribe", site="*", devices={"demo/a": rev})
        await bank.change("demo/a", ("telemetry", {"t": 2}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev, rev + 1)]
        assert not [frame for frame in peer.seen if frame["type"] == "snapshot"]


async def test_a_client_ahead_of_the_server_is_reset() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        await peer.request("subscribe", devices={"demo/a": 1_000})
        assert (await peer.next_of("snapshot"))["reason"] == "reset"


async def test_a_client_of_a_former_life_is_too_far() -> None:
    done = await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await in_thread(bank.delete)("demo/a")
    await bank.change_unheard("demo/a", ("telemetry", {"u": 1}))
    async with connected(await token()) as peer:
        await peer.request("subscribe", devices={"demo/a": done.changes[-1].rev})  # type: ignore[union-attr]
        snapshot = await peer.next_of("snapshot")
        assert snapshot["reason"] == "too_far"
        assert list(snapshot["devices"][0]["metrics"]) == ["u"]


async def test_what_a_resuming_client_knows_and_is_deleted_is_refused_and_gone() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        reply = await peer.request("subscribe", site="demo", devices={"demo/dead": 5, "other/x": 3})
        assert reply["refused"] == ["demo/dead", "other/x"]
        assert (await peer.next_of("gone"))["device"] == "demo/dead"


async def test_a_large_site_comes_in_pages() -> None:
    for number in range(405):
        await in_thread(register_device)(f"demo/{number:03}")
    async with connected(await token()) as peer:
        first = await peer.watch(site="demo")
        second = await peer.next_of("snapshot")
        assert (len(first["devices"]), first["more"]) == (400, True)
        assert (len(second["devices"]), second["more"]) == (5, False)


class Turns:
    """How much is done in each turn of the event loop."""

    def __init__(self) -> None:
        self.done: list[int] = [0]
        self._loop = asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        if self.done[-1]:
            self.done.append(0)
        self._handle = self._loop.call_soon(self._next)

    def count(self, monkeypatch: pytest.MonkeyPatch, cls: type, name: str, size: Callable[..., int]) -> None:
        """Count what a method is given."""
        real = getattr(cls, name)

        def counted(its: Any, *args: Any, **options: Any) -> Any:
            self.done[-1] += size(*args)
            return real(its, *args, **options)

        monkeypatch.setattr(cls, name, counted)

    def end(self) -> list[int]:
        self._handle.cancel()
        return [one for one in self.done if one]


async def test_a_large_fleet_is_listed_and_shown_in_small_turns_and_its_first_devices_before_its_last_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catch_up, "LISTED_AT_ONCE", 30)
    monkeypatch.setattr(catch_up, "MAX_PAGE_DEVICES", 20)
    lists: list[str | None] = []
    real = replay.list_some

    def counted(*args: Any) -> Any:
        found = real(*args)
        lists.append(found[1])
        return found

    monkeypatch.setattr(catch_up, "list_some", counted)
    keys = [f"demo/{number:03}" for number in range(205)]
    for key in keys:
        await in_thread(register_device)(key)
    async with connected(await token()) as peer:
        turns = Turns()
        turns.count(monkeypatch, Subscription, "listed", lambda devices, _: len(devices))
        turns.count(monkeypatch, Subscription, "settle", len)
        pages = [await peer.watch(site="*")]
        assert None not in lists
        while pages[-1]["more"]:
            peer.acknowledge()
            pages.append(await peer.next_of("snapshot"))
        done = turns.end()
        assert [one["device"] for page in pages for one in page["devices"]] == keys
        assert sum(done) == 2 * len(keys)
        assert max(done) <= 50
        assert lists[-1] is None
        await bank.change("demo/007", ("telemetry", {"t": 1}))
        assert (await peer.next_of("delta"))["items"][0]["device"] == "demo/007"


async def test_a_large_fleet_is_compared_in_small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "COMPARED_AT_ONCE", 25)
    for number in range(205):
        await in_thread(register_device)(f"demo/{number:03}")
    async with connected(await token()) as peer:
        snapshot = await peer.watch(site="*")
        while snapshot["more"]:
            snapshot = await peer.next_of("snapshot")
        await bank.change("demo/007", ("telemetry", {"t": 1}))
        await peer.next_of("delta")
        turns = Turns()
        turns.count(monkeypatch, feed.Feed, "compare", lambda *_: 1)
        await bank.change_unheard("demo/007", ("telemetry", {"t": 2}))
        await bank.change("demo/007", ("telemetry", {"t": 3}))  # a gap
        assert (await peer.next_of("delta"))["items"][0]["device"] == "demo/007"
        await eventually_async(lambda: sum(turns.done) >= 205 / settings.DEVICES.shards / 2)
        assert max(turns.end()) <= 25


async def test_each_subscription_has_a_stream_of_its_own() -> None:
    done = await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    rev = done.changes[-1].rev  # type: ignore[union-attr]
    await bank.change_unheard("demo/a", ("telemetry", {"t": 2}))
    async with connected(await token()) as peer:
        await peer.watch("demo/a")
        await peer.request("subscribe", site="demo", devices={"demo/a": rev})
        resumed = await peer.next_of("delta")
        assert (resumed["sub"], items(resumed)) == ("2", [("demo/a", rev, rev + 1)])
        await bank.change("demo/a", ("event/x", 1))
        events = [await peer.next_of("event") for _ in range(2)]
        assert {event["sub"] for event in events} == {"1", "2"}
        await peer.request("unsubscribe", sub="1")
        await bank.change("demo/a", ("event/x", 2))
        assert (await peer.next_of("event"))["sub"] == "2"
        await peer.nothing_but()


async def test_only_the_latest_readings_are_sent_when_that_is_asked() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a", readings="latest"))["devices"][0]["rev"]
        await bank.change("demo/a", ("telemetry", [{"t": 2}, {"t": 3}, {"h": 1}]))
        [item] = (await peer.next_of("delta"))["items"]
        assert (item["prev"], item["rev"]) == (rev, rev + 3)
        assert [reading["metrics"] for reading in item["readings"]] == [{"t": 3}, {"h": 1}]


async def test_a_rate_gathers_what_comes_too_fast() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        await peer.watch("demo/a", max_rate_hz=2)
        for number in range(1, 6):
            await bank.change("demo/a", ("telemetry", {"t": number}))
        first, second = await peer.next_of("delta"), await peer.next_of("delta")
        assert len(first["items"][0]["readings"]) == 1
        [item] = second["items"]
        assert [reading["metrics"]["t"] for reading in item["readings"]] == [2, 3, 4, 5]


# Losses ----------------------------------------------------------------------------------------------------------


async def test_a_lost_broadcast_is_mended_at_the_next_one() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a"))["devices"][0]["rev"]
        await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
        await bank.change("demo/a", ("telemetry", {"t": 2}))
        delta = await peer.next_of("delta")
        assert items(delta) == [("demo/a", rev, rev + 2)]
        assert len(delta["items"][0]["readings"]) == 2


async def test_a_lost_last_broadcast_is_mended_without_a_next_one() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        await peer.watch(site="demo")
        await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
        assert about(await peer.next_of("delta"), "demo/a")


async def test_a_lost_deletion_and_a_lost_birth_are_mended() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        await peer.watch(site="demo")
        await in_thread(bank.delete)("demo/a")
        assert (await peer.next_of("gone"))["device"] == "demo/a"
        await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
        assert (await peer.next_of("snapshot"))["reason"] == "new"


async def test_a_repeated_broadcast_changes_nothing() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a", max_rate_hz=100))["devices"][0]["rev"]
        done = await bank.change("demo/a", ("telemetry", {"t": 1}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev, rev + 1)]
        await bank.broadcast(done)
        await bank.change("demo/a", ("telemetry", {"t": 2}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev + 1, rev + 2)]


async def test_lost_steps_of_commands_are_told_as_they_are_by_then() -> None:
    first, second = [await in_thread(bank.command)("demo/a") for _ in range(2)]
    async with connected(await token()) as peer:
        await peer.watch(site="demo")
        await in_thread(bank.step)(first, "sent")  # lost
        await bank.broadcast(await in_thread(bank.step)(second, "sent"))
        received = [(await peer.next_of("command"))["command"] for _ in range(2)]
        assert {(one["id"], one["status"]) for one in received} == {(first, "sent"), (second, "sent")}
        await in_thread(bank.step)(first, "delivered")  # lost, and no next one
        assert (await peer.next_of("command"))["command"]["timeline"][-1]["status"] == "delivered"
        late = await in_thread(bank.step)(first, "done")
        await bank.broadcast(await in_thread(bank.step)(second, "done"))
        received = [(await peer.next_of("command"))["command"] for _ in range(2)]
        assert {one["status"] for one in received} == {"done"}
        await bank.broadcast(late)
        await peer.nothing_but()


async def test_steps_before_the_first_socket_are_not_told() -> None:
    old = await in_thread(bank.command)("demo/a")
    await in_thread(bank.step)(old, "sent")
    async with connected(await token()) as peer:
        await peer.watch(site="demo")
        await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
        await peer.next_of("delta")
        assert not [frame for frame in peer.seen if frame["type"] == "command"]


async def test_an_older_database_resets_whoever_watches() -> None:
    await bank.change_unheard("demo/a", *[("telemetry", {"t": number}) for number in range(9)])
    async with connected(await token()) as peer:
        await peer.watch("demo/a")
        await bank.change("demo/a", ("telemetry", {"t": 9}))
        await peer.next_of("delta")
        await in_thread(bank.restore)("demo/a", 3)
        snapshot = await peer.next_of("snapshot")
        assert (snapshot["reason"], snapshot["devices"][0]["rev"]) == ("reset", 3)
        await bank.change("demo/a", ("telemetry", {"t": 1}))
        assert items(await peer.next_of("delta")) == [("demo/a", 3, 4)]


async def test_rubbish_on_the_layer_harms_nothing() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        await peer.watch("demo/a")
        for message in ({"type": "dashboard.commit", "v": 1, "body": b"\xff"}, {"type": "x"}, {}):
            await get_channel_layer("groups").group_send(dashboard_group(0), message)
        await bank.change("demo/a", ("telemetry", {"t": 1}))
        assert about(await peer.next_of("delta"), "demo/a")


# Retention -------------------------------------------------------------------------------------------------------


async def test_who_was_away_for_longer_than_history_is_kept_is_told_so_and_goes_on() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a"))["devices"][0]["rev"]
    await bank.change_unheard("demo/a", *[("telemetry", {"t": number}) for number in range(5)])
    await in_thread(bank.purge)("demo/a", rev + 3)
    async with connected(await token("again")) as peer:
        reply = await peer.request("subscribe", devices={"demo/a": rev})
        assert reply["refused"] == []
        snapshot = await peer.next_of("snapshot")
        assert (snapshot["reason"], snapshot["devices"][0]["rev"]) == ("too_far", rev + 5)
        await bank.change("demo/a", ("telemetry", {"t": 9}))
        assert items(await peer.next_of("delta")) == [("demo/a", rev + 5, rev + 6)]


async def test_who_has_all_that_was_purged_goes_on_without_a_snapshot() -> None:
    await bank.change_unheard("demo/a", *[("telemetry", {"t": number}) for number in range(5)])
    rev = 6
    await in_thread(bank.purge)("demo/a", rev)
    await bank.change_unheard("demo/a", ("telemetry", {"t": 9}))
    async with connected(await token()) as peer:
        await peer.request("subscribe", devices={"demo/a": rev})
        assert items(await peer.next_of("delta")) == [("demo/a", rev, rev + 1)]


# Credit ----------------------------------------------------------------------------------------------------------


async def exhausted(peer: Peer) -> None:
    """Use the credit up with one device's long values."""
    await bank.change_unheard("demo/big", ("telemetry", {"t": 0}))
    await peer.watch("demo/big", max_rate_hz=100)
    for number in range(12):
        await bank.change("demo/big", ("telemetry", {"text": f"{number}" + "x" * 100_000}))
    await peer.request("ping")


async def test_a_client_that_acknowledges_nothing_is_sent_no_more_than_a_mebibyte() -> None:
    async with connected(await token()) as peer:
        await exhausted(peer)
        sent = peer.bytes_received
        assert LIMIT_BYTES / 2 < sent < LIMIT_BYTES + 1_000  # but for the reply
        await bank.change("demo/big", ("telemetry", {"text": "more"}))
        await peer.nothing_but()


async def test_a_client_that_acknowledges_late_goes_on_without_a_gap() -> None:
    async with connected(await token()) as peer:
        await exhausted(peer)
        seen = peer.seen
        while not (seen[-1]["type"] == "delta" and '"11x' in str(seen[-1]).replace("'", '"')):
            peer.acknowledge()
            await peer.receive()
        chain = [one for frame in seen if frame["type"] == "delta" for one in items(frame)]
        assert all(later[1] == earlier[2] for earlier, later in pairwise(chain))
        texts = [r["metrics"]["text"] for f in seen if f["type"] == "delta" for i in f["items"] for r in i["readings"]]
        assert [int(text.rstrip("x")) for text in texts] == list(range(12))
        await bank.change("demo/big", ("telemetry", {"text": "again"}))
        assert about(await peer.next_of("delta"), "demo/big")


async def test_steps_of_commands_that_no_credit_was_left_for_come_later_however_large() -> None:
    """More of one transaction than any credit lets through at once."""
    ids = [await in_thread(bank.command)("demo/big", {"text": "x" * 200_000}) for _ in range(8)]
    async with connected(await token()) as peer:
        await exhausted(peer)
        steps = [await in_thread(bank.step)(one, "sent") for one in ids]
        last = await in_thread(bank.together)(ids)
        for done in (*steps[:3], last):
            await bank.broadcast(done)
        await peer.nothing_but()
        received: list[str] = []
        while set(received) != set(ids):
            peer.acknowledge()
            frame = await peer.receive()
            received += [frame["command"]["id"]] if frame["type"] == "command" else []
        peer.acknowledge()
        await peer.nothing_but("delta")
        assert len(received) == len(ids), "each once"


async def test_a_client_that_does_not_go_on_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.web.live.socket.frame_writer.PATIENCE_S", 0.3)
    async with connected(await token()) as peer:
        await exhausted(peer)
        await bank.change("demo/big", ("telemetry", {"text": "more"}))
        assert await peer.closed() == frame_writer.TOO_SLOW


async def test_a_client_that_only_asks_and_never_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.web.live.socket.frame_writer.REPLIES_LIMIT_BYTES", 10_000)
    async with connected(await token()) as peer:
        for _ in range(200):
            peer.send_text("nonsense")
        assert await peer.closed() == frame_writer.TOO_SLOW


async def test_a_wrong_acknowledgement_is_an_error_and_harms_nothing() -> None:
    async with connected(await token()) as peer:
        peer.send(type="ack", n=1_000)
        error = await peer.next_of("error")
        assert (error["id"], error["code"]) == (None, "bad_request")
        await peer.nothing_but()


# The database ----------------------------------------------------------------------------------------------------


async def test_while_the_database_is_away_sockets_stay_and_go_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("the server closed the connection")

    async with connected(await token()) as peer:
        rev = (await peer.watch("demo/a"))["devices"][0]["rev"]
        with monkeypatch.context() as outage:
            for module, listing in (("socket.catch_up", "list_some"), ("hub.repair", "list_watched")):
                outage.setattr(f"devices.web.live.{module}.{listing}", away)
                outage.setattr(f"devices.web.live.{module}.read", away)
            outage.setattr("devices.web.live.hub.survey_loop.survey", away)
            outage.setattr("devices.web.live.socket.requests.list_existing", away)
            reply = await peer.request("subscribe", devices={"demo/b": None})
            assert (reply["type"], reply["code"]) == ("error", "unavailable")
            assert (await peer.request("subscribe", site="*"))["type"] == "ok"
            await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
            await bank.change("demo/a", ("telemetry", {"t": 2}))
            await peer.nothing_but()
        delta = await peer.next_of("delta")
        assert items(delta) == [("demo/a", rev, rev + 2)]
        if not any(frame["type"] == "snapshot" and frame["sub"] == "3" for frame in peer.seen):
            assert (await peer.next_of("snapshot"))["sub"] == "3"


async def test_many_sockets_of_one_site_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    made: list[int] = []
    real = rendering.bodies

    def counted(*args: Any, **options: Any) -> Any:
        made.append(1)
        return real(*args, **options)

    monkeypatch.setattr(feed, "bodies", counted)
    shown = await token()
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(shown)) for _ in range(100)]
        await asyncio.gather(*(peer.watch(site="demo") for peer in peers))
        await bank.change("demo/a", ("telemetry", {"t": 1}))
        deltas = await asyncio.gather(*(peer.next_of("delta") for peer in peers))
        assert {tuple(items(delta)) for delta in deltas} == {tuple(items(deltas[0]))}
        assert len(made) == 1
    assert not hub._hubs
