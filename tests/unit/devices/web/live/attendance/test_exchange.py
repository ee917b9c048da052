"""Several processes' exchanges on one layer: what their sockets are shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from channels.layers import InMemoryChannelLayer

from devices.web.live.attendance import exchange
from devices.web.live.attendance.exchange import AttendanceExchange
from devices.web.live.attendance.rules.messages import GROUP, KIND
from devices.web.live.attendance.rules.people import Person
from devices.web.live.hub import broadcasts
from devices.web.live.hub.broadcasts import Aside, BroadcastListener
from devices.web.live.stream.rendering import Body
from tests.support.waiting import eventually_async


class Layer(InMemoryChannelLayer):
    """A layer that can lose what is sent to groups."""

    away = False

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if not self.away:
            await super().group_send(group, message)


class Tab:
    """A socket: keeps what it is shown last, by place."""

    def __init__(self, name: str, *sites: str) -> None:
        self.person = Person(name, name, frozenset(sites) if sites else None)
        self.places: dict[str, dict[str, str]] = {}
        self.shown = 0
        self.has_credit = True

    def show_people(self, place: str, body: Body) -> bool:
        if self.has_credit:
            frame = msgspec.json.decode(body.frame(1, msgspec.json.encode(place)))
            assert frame["place"] == place
            self.places[place] = {one["user"]: one["doing"] for one in frame["people"]}
            self.shown += 1
        return self.has_credit

    async def sees(self, place: str, **people: str) -> None:
        await eventually_async(lambda: self.places.get(place) == people, what=f"{people} at {place}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (exchange, "BEAT_S", 0.05),
        (exchange, "SHOWN_EVERY_S", 0.02),
        (exchange, "ASKED_EVERY_S", 0.02),
        (exchange, "GATHER_S", 0.001),
        (broadcasts, "_AGAIN_S", 0.01),
    ):
        monkeypatch.setattr(module, name, value)


class Web:
    """A process."""

    def __init__(self, layer: Layer, name: str) -> None:
        self.exchange = AttendanceExchange(layer, name)
        aside = Aside(GROUP, KIND, self.exchange.hear, self.exchange.joined)
        listener = BroadcastListener(layer, 1, lambda _commit: None, lambda: None, [aside])
        self.tasks = [asyncio.create_task(listener.run()), asyncio.create_task(self.exchange.run())]

    async def kill(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


@asynccontextmanager
async def webs(layer: Layer, count: int) -> AsyncIterator[list[Web]]:
    made = [Web(layer, f"web {number}") for number in range(count)]
    await eventually_async(lambda: len(layer.groups.get(GROUP, ())) == count, what="all have joined")
    try:
        yield made
    finally:
        for web in made:
            await web.kill()
            await web.exchange.close()


async def test_people_of_all_processes_are_shown_to_each_other() -> None:
    ann, bob, again = Tab("ann"), Tab("bob"), Tab("ann")
    async with webs(Layer(), 3) as (one, two, three):
        one.exchange.attend(ann, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing")
        two.exchange.attend(bob, "demo/a", "viewing")
        three.exchange.attend(again, "demo/a", "commanding")
        for tab in (ann, bob, again):
            await tab.sees("demo/a", ann="commanding", bob="viewing")
        three.exchange.attend(again, "demo/a", "viewing")
        for tab in (ann, bob, again):
            await tab.sees("demo/a", ann="viewing", bob="viewing")
        two.exchange.leave(bob, "demo/a")
        await ann.sees("demo/a", ann="viewing")
        assert "bob" in bob.places["demo/a"], "who has left is shown nothing more"


async def test_a_process_that_joins_learns_who_is_there() -> None:
    layer, ann, bob = Layer(), Tab("ann"), Tab("bob")
    async with webs(layer, 1) as (one,):
        one.exchange.attend(ann, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing")
        later = Web(layer, "later")
        later.exchange.attend(bob, "demo/a", "viewing")
        for tab in (ann, bob):
            await tab.sees("demo/a", ann="viewing", bob="viewing")
        await later.kill()
        await ann.sees("demo/a", ann="viewing")  # it said nothing


async def test_who_closes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = Tab("ann"), Tab("bob")
    async with webs(Layer(), 2) as (one, two):
        for web, tab in ((one, ann), (two, bob)):
            web.exchange.attend(tab, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing", bob="viewing")
        monkeypatch.setattr(exchange, "BEAT_S", 3600.0)  # nobody is missed by their beats
        await two.kill()
        await two.exchange.close()
        await ann.sees("demo/a", ann="viewing")


async def test_an_outage_of_the_layer_lets_nobody_go_and_what_was_missed_is_made_up_for() -> None:
    layer, ann, bob, cat = Layer(), Tab("ann"), Tab("bob"), Tab("cat")
    async with webs(layer, 2) as (one, two):
        one.exchange.attend(ann, "demo/a", "viewing")
        two.exchange.attend(bob, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing", bob="viewing")
        layer.away = True
        begun = one.exchange._beats
        await eventually_async(lambda: one.exchange._beats > begun + 8, what="more beats than there is patience")
        one.exchange.attend(cat, "demo/a", "editing")
        await cat.sees("demo/a", ann="viewing", bob="viewing", cat="editing")
        assert set(bob.places["demo/a"]) == {"ann", "bob"}
        layer.away = False
        await bob.sees("demo/a", ann="viewing", bob="viewing", cat="editing")


async def test_at_a_page_only_people_with_a_site_in_common_are_shown() -> None:
    ann, bob, root = Tab("ann", "demo"), Tab("bob", "home"), Tab("root")
    async with webs(Layer(), 2) as (one, two):
        one.exchange.attend(ann, "page:fleet", "viewing")
        two.exchange.attend(bob, "page:fleet", "viewing")
        two.exchange.attend(root, "page:fleet", "viewing")
        await ann.sees("page:fleet", ann="viewing", root="viewing")
        await bob.sees("page:fleet", bob="viewing", root="viewing")
        await root.sees("page:fleet", ann="viewing", bob="viewing", root="viewing")
        ann.person = Person("ann", "ann", frozenset(["home"]))
        one.exchange.renew(ann, ["page:fleet"])
        await bob.sees("page:fleet", ann="viewing", bob="viewing", root="viewing")
        await ann.sees("page:fleet", ann="viewing", bob="viewing", root="viewing")


async def test_changes_in_quick_succession_are_shown_together_and_the_last_one_always() -> None:
    ann, bob = Tab("ann"), Tab("bob")
    async with webs(Layer(), 1) as (one,):
        one.exchange.attend(ann, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing")
        ann.shown = 0
        for _ in range(50):
            one.exchange.attend(bob, "demo/a", "editing")
            one.exchange.attend(bob, "demo/a", "commanding")
        await ann.sees("demo/a", ann="viewing", bob="commanding")
        assert ann.shown == 1


async def test_who_has_no_credit_is_shown_the_latest_later() -> None:
    ann, bob = Tab("ann"), Tab("bob")
    ann.has_credit = False
    async with webs(Layer(), 1) as (one,):
        one.exchange.attend(ann, "demo/a", "viewing")
        one.exchange.attend(bob, "demo/a", "viewing")
        await bob.sees("demo/a", ann="viewing", bob="viewing")
        assert not ann.places
        one.exchange.leave(bob, "demo/a")
        ann.has_credit = True
        await ann.sees("demo/a", ann="viewing")
        assert ann.shown == 1


async def test_nonsense_on_the_layer_harms_nobody() -> None:
    layer, ann = Layer(), Tab("ann")
    async with webs(layer, 1) as (one,):
        await layer.group_send(GROUP, {"type": KIND, "body": b"nonsense"})
        await layer.group_send(GROUP, {"type": KIND})
        one.exchange.attend(ann, "demo/a", "viewing")
        await ann.sees("demo/a", ann="viewing")
