"""Consumers of apps watch devices: the stream rule, rights, bounds; asynchronous and synchronous ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from causeway.consumers import DeviceConsumer, JsonDeviceConsumer, TokenAuthMiddleware, login, logout
from causeway.requests import NotFoundError
from devices.models import Membership
from devices.web.live.consumers import inbox
from devices.web.live.hub import hub
from devices.web.live.socket import frame_writer
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.peer import WAIT_S, connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async


class Told(DeviceConsumer):
    """Does what its client says, and passes on all that it is told."""

    free = asyncio.Event()  # handlers of deltas wait for it

    async def connect(self) -> None:
        self.free.set()
        await self.accept()
        await self.channel_layer.group_add("told", self.channel_name)

    async def receive_json(self, content: Any, **_: Any) -> None:
        try:
            done = await getattr(self, content["do"])(*content["with"], **content["and"])
        except NotFoundError as refused:
            done = str(refused)
        await self.send_json({"did": content["do"], "done": done})

    async def sign_in(self, name: str) -> None:
        await login(self.scope, await in_thread(User.objects.get)(username=name))

    async def sign_out(self) -> None:
        await logout(self.scope)

    async def device_delta(self, event: dict[str, Any]) -> None:
        await self.free.wait()
        await self.send_json(event)

    async def pass_on(self, event: dict[str, Any]) -> None:
        await self.send_json(event)

    device_snapshot = device_event = device_gone = device_command = chat_message = people_changed = pass_on


class ToldInThreads(JsonDeviceConsumer):
    """The same, synchronous."""

    def receive_json(self, content: Any, **_: Any) -> None:
        done = getattr(self, content["do"])(*content["with"], **content["and"])
        self.send_json({"did": content["do"], "done": done})

    def pass_on(self, event: dict[str, Any]) -> None:
        assert User.objects.exists()  # no SynchronousOnlyOperation here
        self.send_json(event)

    device_snapshot = device_delta = device_event = device_gone = people_changed = pass_on


class Caller(WebsocketCommunicator):
    """The client of one. What a call passes over is kept for later ones."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._kept: list[dict[str, Any]] = []

    async def does(self, do: str, *arguments: Any, **options: Any) -> Any:
        await self.send_json_to({"do": do, "with": arguments, "and": options})
        return (await self.told("did"))["done"]

    async def told(self, kind: str) -> dict[str, Any]:
        """The next message of a kind: its type, or a member's name."""
        while True:
            for place, message in enumerate(self._kept):
                if kind in (message.get("type"), *message):
                    return self._kept.pop(place)
            event = await self.receive_output(WAIT_S)
            if event["type"] == "websocket.close":
                raise ConnectionError(event["code"])
            self._kept.append(self.decoded(event))

    @staticmethod
    def decoded(event: dict[str, Any]) -> Any:
        return inbox._decode(event["text"])

    async def closed(self) -> int:
        with pytest.raises(ConnectionError) as raised:
            await self.told("nothing of this kind")
        code: int = raised.value.args[0]
        return code


@asynccontextmanager
async def call(consumer: Any = Told, *, token: str = "", **headers: str) -> AsyncIterator[Caller]:
    """Somebody connected to a consumer, behind what stands before those of apps."""
    found = [(name.encode(), value.encode()) for name, value in headers.items()]
    if token:
        found.append((b"authorization", f"Bearer {token}".encode()))
    caller = Caller(AuthMiddlewareStack(TokenAuthMiddleware(consumer.as_asgi())), "/apps/told/", found)
    assert (await caller.connect(WAIT_S))[0]
    yield caller
    await caller.disconnect(timeout=WAIT_S)


@pytest.mark.parametrize("consumer", [Told, ToldInThreads])
async def test_what_is_watched_comes_to_the_handlers_in_order(consumer: Any) -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with call(consumer, token=await token()) as caller:
        await caller.does("watch", "demo/a")
        snapshot = await caller.told("device.snapshot")
        assert (snapshot["device"], snapshot["watch"], snapshot["reason"]) == ("demo/a", "demo/a", "subscribe")
        rev = snapshot["rev"]
        await bank.change("demo/a", ("telemetry", {"t": 2}), ("event/door", {"open": True}), ("telemetry", {"t": 3}))
        first, event, last = [await caller.told(kind) for kind in ("device.delta", "device.event", "device.delta")]
        assert (first["prev"], first["rev"], first["readings"][0]["metrics"]) == (rev, rev + 1, {"t": 2})
        assert (event["rev"], event["name"], event["data"], event["device"]) == (
            rev + 2,
            "door",
            {"open": True},
            "demo/a",
        )
        assert (last["prev"], last["rev"]) == (rev + 2, rev + 3)
        await bank.broadcast(await in_thread(bank.delete)("demo/a"))
        assert await caller.told("device.gone") == {"type": "device.gone", "watch": "demo/a", "device": "demo/a"}
    assert not hub._hubs


async def test_a_site_is_watched_with_what_comes_later_and_unwatched() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await bank.change_unheard("other/x", ("telemetry", {"t": 1}))
    async with call(token=await token()) as caller:
        assert [await caller.does("watch", target) for target in ("demo/*", "demo/*", "other/x")] == [None] * 3
        shown = [await caller.told("device.snapshot") for _ in range(2)]
        assert {(one["watch"], one["device"]) for one in shown} == {("demo/*", "demo/a"), ("other/x", "other/x")}
        await bank.change("demo/b", ("telemetry", {"t": 7}))
        assert (await caller.told("device.snapshot"))["reason"] == "new"
        assert [await caller.does("unwatch", "demo/*") for _ in range(2)] == [True, False]
        await bank.change("demo/b", ("telemetry", {"t": 8}))
        await bank.change("other/x", ("telemetry", {"t": 8}))
        assert (await caller.told("device.delta"))["device"] == "other/x"


async def test_it_goes_on_from_where_its_client_stands() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    async with call(token=await token()) as caller:
        await caller.does("watch", "demo/a")
        rev = (await caller.told("device.snapshot"))["rev"]
    await bank.change_unheard("demo/a", ("telemetry", {"t": 2}))
    async with call(token=await token("other")) as caller:
        await caller.does("watch", "*", revs={"demo/a": rev})
        assert (await caller.told("device.delta"))["prev"] == rev


async def test_broadcasts_that_were_lost_are_made_up_for() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with call(token=await token()) as caller:
        await caller.does("watch", "demo/*")
        rev = (await caller.told("device.snapshot"))["rev"]
        for number in range(1, 13):
            change = bank.change_unheard if number % 3 else bank.change
            await change("demo/a", ("telemetry", {"t": number}))
        seen: list[Any] = []
        while rev < 13:
            delta = await caller.told("device.delta")
            assert delta["prev"] == rev
            rev = delta["rev"]
            seen += [one["metrics"]["t"] for one in delta["readings"]]
        assert seen == list(range(1, 13))


async def test_a_handler_that_lags_costs_no_memory_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_writer, "LIMIT_BYTES", 20_000)
    monkeypatch.setattr(frame_writer, "RESUME_BYTES", 10_000)
    most = 0
    put = inbox.Inbox.put

    def measured(self: inbox.Inbox, frames: Any) -> None:
        nonlocal most
        put(self, frames)
        most = max(most, sum(map(len, self._frames)))

    monkeypatch.setattr(inbox.Inbox, "put", measured)
    await bank.change_unheard("demo/a", ("telemetry", {"t": 0}))
    async with call(token=await token()) as caller:
        await caller.does("watch", "demo/a", max_rate_hz=100)
        rev = (await caller.told("device.snapshot"))["rev"]
        Told.free.clear()
        for number in range(60):
            await bank.change("demo/a", ("telemetry", {"text": f"{number:02}" + "x" * 2_000}))
        Told.free.set()
        seen: list[str] = []
        while len(seen) < 60:
            delta = await caller.told("device.delta")
            assert delta["prev"] == rev
            rev = delta["rev"]
            seen += [one["metrics"]["text"][:2] for one in delta["readings"]]
        assert seen == [f"{number:02}" for number in range(60)]
    assert 0 < most <= 200_000  # 60 readings of 2 kB, gathered into as little as one answer of the database


async def test_groups_reach_it_as_any_consumer() -> None:
    async with call(token=await token()) as caller:
        await get_channel_layer().group_send("told", {"type": "chat.message", "text": "hello"})
        assert (await caller.told("chat.message"))["text"] == "hello"


# Rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consumer", [Told, ToldInThreads])
async def test_strangers_and_those_without_a_right_are_hung_up_on(consumer: Any) -> None:
    await bank.change_unheard("other/x", ("telemetry", {"t": 1}))

    async def code(target: str, shown: str) -> int:
        async with call(consumer, token=shown) as caller:
            await caller.send_json_to({"do": "watch", "with": [target], "and": {}})
            return await caller.closed()

    assert await code("*", "") == 4401
    assert await code("*", "cwy_wrong") == 4401
    assert await code("other/*", await token(demo="viewer")) == 4403


async def test_what_is_not_there_or_not_to_be_seen_is_not_found() -> None:
    await bank.change_unheard("other/x", ("telemetry", {"t": 1}))
    async with call(token=await token(demo="viewer")) as caller:
        for key in ("other/x", "demo/none", "nonsense", "demo/"):
            assert await caller.does("watch", key) == f"there is no device {key}"


async def test_who_loses_every_right_is_hung_up_on_and_who_loses_some_sees_less() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await bank.change_unheard("other/x", ("telemetry", {"t": 1}))
    async with call(token=await token(demo="viewer", other="viewer")) as caller:
        await caller.does("watch", "*")
        assert {(await caller.told("device.snapshot"))["device"] for _ in range(2)} == {"demo/a", "other/x"}
        await in_thread(Membership.objects.filter(site__name="other").delete)()
        assert (await caller.told("device.gone"))["device"] == "other/x"
        await in_thread(Membership.objects.all().delete)()
        assert await caller.closed() == 4403


async def test_a_session_counts_until_it_ends() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await token("olga")
    client = Client()
    await in_thread(client.force_login)(await in_thread(User.objects.get)(username="olga"))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    async with call(cookie=cookie) as caller:
        await caller.does("watch", "*")
        await caller.told("device.snapshot")
        await in_thread(client.logout)()
        assert await caller.closed() == 4401
    async with call(cookie=cookie, token="cwy_wrong") as caller:
        await caller.send_json_to({"do": "watch", "with": ["*"], "and": {}})
        assert await caller.closed() == 4401


async def test_one_may_sign_in_and_out_on_the_socket() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await token("olga")
    async with call() as caller:
        await caller.does("sign_in", "olga")
        await caller.does("watch", "demo/a")
        await caller.told("device.snapshot")
        await caller.does("sign_out")
        assert await caller.closed() == 4401


async def test_somebody_whom_another_middleware_vouches_for_counts_as_long_as_they_have_a_right() -> None:
    await bank.change_unheard("demo/a", ("telemetry", {"t": 1}))
    await token("olga", demo="viewer")
    olga = await in_thread(User.objects.get)(username="olga")

    class Vouched(Told):
        async def connect(self) -> None:
            self.scope["user"] = olga
            await super().connect()

    async with call(Vouched) as caller:
        await caller.does("watch", "demo/a")
        await caller.told("device.snapshot")
        await in_thread(User.objects.filter(pk=olga.pk).update)(is_active=False)
        assert await caller.closed() == 4401


async def test_options_that_there_are_not_are_told() -> None:
    class Wrong(Told):
        async def receive_json(self, content: Any, **_: Any) -> None:
            for options in ({"max_rate_hz": 0}, {"readings": "some"}, {"description": "none"}):
                with pytest.raises(ValueError, match=next(iter(options))):
                    await self.watch("*", **options)
            await self.send_json({"did": "raise"})

    async with call(Wrong, token=await token()) as caller:
        await caller.send_json_to({})
        await caller.told("did")


@pytest.mark.parametrize("consumer", [Told, ToldInThreads])
async def test_people_at_a_place_are_shown_to_consumers_and_sockets_alike(consumer: Any) -> None:
    async def sees(caller: Caller, **people: str) -> None:
        while (event := await caller.told("people.changed"))["place"] == "app:plants/map":
            if {one["user"]: one["doing"] for one in event["people"]} == people:
                return

    ann, bob = await token("ann"), await token("bob")
    async with connected(bob) as peer:
        assert (await peer.request("attend", place="app:plants/map"))["type"] == "ok"
        async with call(consumer, token=ann) as caller:
            await caller.does("attend", "app:plants/map", "commanding")
            await sees(caller, ann="commanding", bob="viewing")
            assert await caller.does("leave", "page:fleet") is False
            await peer.until(lambda frame: frame["type"] == "people" and len(frame["people"]) == 2)
        await peer.until(lambda frame: frame["type"] == "people" and len(frame["people"]) == 1)


async def test_what_can_not_be_attended_is_refused_and_strangers_are_hung_up_on() -> None:
    async with call(token=await token(demo="viewer")) as caller:
        assert "no device" in await caller.does("attend", "home/a")
    async with call() as stranger:
        await stranger.send_json_to({"do": "attend", "with": ["page:fleet"], "and": {}})
        assert await stranger.closed() == 4401
