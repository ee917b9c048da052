"""Who attends places through whole sockets: what is answered, what is shown to whom, and until when."""

from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from devices.models import Board, Membership, Site
from devices.requests.registry import register_device
from devices.web.auth import token_digest
from devices.web.live.attendance import exchange
from devices.web.live.hub import survey_loop
from devices.web.live.socket.attending import MAX_PLACES
from tests.unit.devices.web.live.peer import Peer, connected, token

pytestmark = pytest.mark.usefixtures("fleet", "quick")
in_thread = database_sync_to_async


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are looked at, and people shown, all the time."""
    monkeypatch.setattr(survey_loop, "RIGHTS_EVERY_S", 0.0)
    monkeypatch.setattr(exchange, "SHOWN_EVERY_S", 0.02)


async def devices(*keys: str) -> None:
    for key in keys:
        await in_thread(register_device)(key)


async def attend(peer: Peer, place: str, doing: str = "viewing") -> None:
    reply = await peer.request("attend", place=place, doing=doing)
    assert {name for name in reply if name != "n"} == {"type", "id"}
    assert reply["type"] == "ok", reply


async def sees(peer: Peer, place: str, **people: str) -> dict[str, Any]:
    """Wait until it is shown these people there."""

    def is_it(frame: dict[str, Any]) -> bool:
        return (frame["type"], frame.get("place")) == ("people", place) and {
            one["user"]: one["doing"] for one in frame["people"]
        } == people

    return await peer.until(is_it)


async def refused(peer: Peer, kind: str, **fields: Any) -> str:
    reply = await peer.request(kind, **fields)
    assert reply["type"] == "error", reply
    return str(reply["code"])


async def test_people_at_a_device_are_shown_to_each_other() -> None:
    await devices("demo/a")
    ann, bob = await token("ann", demo="viewer"), await token("bob", all="operator")
    async with connected(ann) as one, connected(bob) as other:
        await attend(one, "demo/a")
        frame = await sees(one, "demo/a", ann="viewing")
        assert [*frame] == ["n", "type", "place", "people"]
        assert [*frame["people"][0]] == ["user", "doing", "since"]
        await attend(other, "demo/a", "commanding")
        await sees(other, "demo/a", ann="viewing", bob="commanding")
        later = await sees(one, "demo/a", ann="viewing", bob="commanding")
        assert next(one for one in later["people"] if one["user"] == "ann") == frame["people"][0]
        assert (await other.request("leave", place="demo/a"))["type"] == "ok"
        await sees(one, "demo/a", ann="viewing")
        await other.nothing_but()


async def test_who_closes_is_gone_and_a_second_tab_is_the_same_person() -> None:
    await devices("demo/a")
    ann, bob = await token("ann"), await token("bob")
    async with connected(ann) as one:
        await attend(one, "demo/a")
        async with connected(bob) as other, connected(bob) as tab:
            await attend(other, "demo/a", "editing")
            await attend(tab, "demo/a")
            await sees(one, "demo/a", ann="viewing", bob="editing")
        await sees(one, "demo/a", ann="viewing")


async def test_places_that_there_are_not() -> None:
    await devices("demo/a", "home/b")
    async with connected(await token("ann", demo="admin")) as peer:
        for place in ("", "demo", "page:", "app:x", "demo/a/b"):
            assert await refused(peer, "attend", place=place, doing="viewing") == "bad_request"
            assert await refused(peer, "leave", place=place) == "bad_request"
        assert await refused(peer, "attend", place="demo/a", doing="dancing") == "bad_request"
        assert await refused(peer, "attend", place=7, doing="viewing") == "bad_request"
        for place in ("demo/none", "home/b", "home/none"):
            assert await refused(peer, "attend", place=place, doing="viewing") == "not_found"
        assert await refused(peer, "leave", place="demo/a") == "not_found"
        await peer.nothing_but()


async def test_a_connection_attends_so_many_places() -> None:
    async with connected(await token()) as peer:
        for number in range(MAX_PLACES):
            await attend(peer, f"page:p{number}")
        assert await refused(peer, "attend", place="page:more", doing="viewing") == "rate_limited"
        await attend(peer, "page:p0", "editing")
        await peer.request("leave", place="page:p1")
        await attend(peer, "page:more")


async def test_who_loses_the_right_to_a_device_is_taken_away_and_shown_nobody() -> None:
    await devices("demo/a", "home/b")
    ann, bob = await token("ann", demo="viewer", home="viewer"), await token("bob")
    async with connected(ann) as one, connected(bob) as other:
        await attend(one, "demo/a")
        await attend(one, "home/b")
        await attend(other, "demo/a")
        await sees(one, "demo/a", ann="viewing", bob="viewing")
        await in_thread(Membership.objects.filter(user__username="ann", site__name="demo").delete)()
        await sees(other, "demo/a", bob="viewing")
        await sees(one, "demo/a")
        await attend(other, "demo/a", "commanding")
        await sees(other, "demo/a", bob="commanding")
        await one.nothing_but()
        assert await refused(one, "leave", place="demo/a") == "not_found"
        assert (await one.request("leave", place="home/b"))["type"] == "ok"


async def test_who_is_deactivated_is_gone() -> None:
    ann, bob = await token("ann"), await token("bob")
    async with connected(ann) as one, connected(bob) as other:
        await attend(one, "page:fleet")
        await attend(other, "page:fleet")
        await sees(other, "page:fleet", ann="viewing", bob="viewing")
        await in_thread(User.objects.filter(username="ann").update)(is_active=False)
        await sees(other, "page:fleet", bob="viewing")
        await one.closed()


async def test_a_board_attends_nothing_and_is_shown_nobody() -> None:
    await devices("demo/a")
    site = await in_thread(Site.objects.get)(name="demo")
    await in_thread(Board.objects.create)(name="Hall", site=site, digest=token_digest("secret"), created_by="user:ann")
    async with connected(cookie="causeway_board=secret") as board, connected(await token("ann")) as ann:
        await attend(ann, "demo/a")
        for place in ("demo/a", "page:fleet"):
            assert await refused(board, "attend", place=place, doing="viewing") == "forbidden"
        await sees(ann, "demo/a", ann="viewing")
        await board.nothing_but()
