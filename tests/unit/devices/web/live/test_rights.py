"""Who may come in, what they see, and what becomes of that when rights change."""

import time
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from devices.models import ApiToken, Board, Command, Membership, Site
from devices.requests.registry import register_device
from devices.web.auth import token_digest
from devices.web.live.hub import survey_loop
from devices.web.live.queries.authentication import Credential, Session, Token, access_by, access_by_all
from devices.web.live.socket import connection
from tests.unit.devices.web.conftest import make_user
from tests.unit.devices.web.live import bank
from tests.unit.devices.web.live.peer import connected, token

pytestmark = pytest.mark.usefixtures("fleet")
in_thread = database_sync_to_async


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are looked at again all the time."""
    monkeypatch.setattr(survey_loop, "RIGHTS_EVERY_S", 0.0)


def browser(name: str = "someone") -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


async def cookie(name: str = "someone") -> tuple[Client, str]:
    await token(name)
    client: Client = await in_thread(browser)(name)
    return client, f"theme=dark; sessionid={client.cookies['sessionid'].value}"


async def devices(*keys: str) -> None:
    for key in keys:
        await in_thread(register_device)(key)


async def test_nobody_is_let_in_without_showing_who_it_is() -> None:
    for headers in ({}, {"cookie": "sessionid=nonsense"}, {"authorization": "Bearer cwy_wrong"}):
        async with connected(**headers) as peer:
            assert await peer.closed() == connection.UNAUTHORIZED


async def test_a_wrong_token_is_wrong_even_beside_a_session() -> None:
    _, found = await cookie()
    async with connected("cwy_wrong", cookie=found) as peer:
        assert await peer.closed() == connection.UNAUTHORIZED


async def test_who_has_no_role_is_told_so() -> None:
    await token("someone")
    await in_thread(Membership.objects.all().delete)()
    user_token = await token("other", demo="viewer")
    await in_thread(Membership.objects.all().delete)()
    async with connected(user_token) as peer:
        assert await peer.closed() == connection.FORBIDDEN


async def test_another_path_or_a_foreign_page_is_rejected_before_it_is_accepted() -> None:
    shown = await token()
    for path, headers in (
        ("/ws/v2/", {}),
        ("/", {}),
        ("/ws/v1/", {"origin": "https://evil.example", "host": "localhost"}),
    ):
        async with connected(shown, path, **headers) as peer:
            assert peer.close_code == 403


async def test_a_page_of_ours_comes_in_with_its_cookie() -> None:
    _, found = await cookie()
    async with connected(cookie=found, origin="http://localhost:8000", host="localhost:8000") as peer:
        assert (await peer.receive())["type"] == "link"


@pytest.mark.usefixtures("soon")
async def test_logging_out_closes() -> None:
    client, found = await cookie()
    async with connected(cookie=found) as peer:
        assert (await peer.request("ping"))["type"] == "ok"
        await in_thread(client.logout)()
        assert await peer.closed() == connection.UNAUTHORIZED


@pytest.mark.usefixtures("soon")
async def test_a_changed_password_closes() -> None:
    _, found = await cookie()

    def change() -> None:
        user = User.objects.get(username="someone")
        user.set_password("another")
        user.save()

    async with connected(cookie=found) as peer:
        await in_thread(change)()
        assert await peer.closed() == connection.UNAUTHORIZED


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("how", ["deactivated", "expired", "revoked"])
async def test_a_token_that_ends_closes(how: str) -> None:
    def end() -> Any:
        if how == "deactivated":
            return User.objects.update(is_active=False)
        if how == "expired":
            return ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        return ApiToken.objects.all().delete()

    async with connected(await token()) as peer:
        assert (await peer.request("ping"))["type"] == "ok"
        await in_thread(end)()
        assert await peer.closed() == connection.UNAUTHORIZED


async def test_a_viewer_sees_a_site_and_no_other() -> None:
    await devices("demo/a", "secret/b")
    async with connected(await token(demo="viewer")) as peer:
        reply = await peer.request(
            "subscribe", devices={"demo/a": None, "secret/b": None, "demo/none": 4, "nonsense": 1}
        )
        assert reply["refused"] == ["secret/b", "demo/none", "nonsense"]
        assert [one["device"] for one in (await peer.next_of("snapshot"))["devices"]] == ["demo/a"]
        assert [one["device"] for one in (await peer.watch(site="*"))["devices"]] == ["demo/a"]
        assert (await peer.request("subscribe", site="secret"))["code"] == "forbidden"
        assert (await peer.request("subscribe", site="nowhere"))["code"] == "forbidden"
        await bank.change("secret/b", ("event/x", 1))
        await bank.change("demo/a", ("event/x", 1))
        assert (await peer.next_of("event"))["device"] == "demo/a"


async def test_who_sees_all_is_told_that_a_site_does_not_exist() -> None:
    async with connected(await token()) as peer:
        assert (await peer.request("subscribe", site="nowhere"))["code"] == "not_found"


async def test_a_viewer_commands_nothing() -> None:
    await devices("demo/a", "secret/b")
    async with connected(await token(demo="viewer")) as peer:
        for key, code in (
            ("demo/a", "forbidden"),
            ("secret/b", "not_found"),
            ("demo/none", "forbidden"),
            ("x", "not_found"),
        ):
            reply = await peer.request("command", device=key, name="x")
            assert (reply["type"], reply["code"]) == ("error", code)
            reply = await peer.request("desired", device=key, patch={})
            assert (reply["type"], reply["code"]) == ("error", code)


@pytest.mark.usefixtures("soon")
async def test_a_site_that_is_no_longer_visible_is_gone() -> None:
    await devices("demo/a", "secret/b")
    shown = await token(demo="viewer", secret="viewer")
    async with connected(shown) as peer:
        await peer.watch(site="*")
        await peer.watch("secret/b")
        await in_thread(Membership.objects.filter(site__name="secret").delete)()
        gone = [await peer.next_of("gone") for _ in range(2)]
        assert {(frame["device"], frame["sub"]) for frame in gone} == {("secret/b", "1"), ("secret/b", "2")}
        await bank.change("secret/b", ("event/x", 1))
        await bank.change("demo/a", ("event/x", 1))
        assert (await peer.next_of("event"))["device"] == "demo/a"


@pytest.mark.usefixtures("soon")
async def test_a_site_that_becomes_visible_is_shown() -> None:
    await devices("demo/a", "secret/b")
    async with connected(await token(demo="viewer")) as peer:
        await peer.watch(site="*")
        await token("someone", secret="viewer")
        new = await peer.next_of("snapshot")
        assert (new["reason"], [one["device"] for one in new["devices"]]) == ("new", ["secret/b"])


@pytest.mark.usefixtures("soon")
async def test_who_loses_the_last_role_is_closed_after_everything_is_gone() -> None:
    await devices("demo/a")
    async with connected(await token(demo="viewer")) as peer:
        await peer.watch(site="demo")
        await in_thread(Membership.objects.all().delete)()
        assert await peer.closed() == connection.FORBIDDEN
        assert [frame["device"] for frame in peer.seen if frame["type"] == "gone"] == ["demo/a"]


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are never looked at again by themselves."""
    monkeypatch.setattr(survey_loop, "RIGHTS_EVERY_S", 1e9)


@pytest.mark.usefixtures("seldom")
async def test_case_g14_logging_out_closes_the_sessions_sockets_within_a_second() -> None:
    client, found = await cookie()
    _, others = await cookie("another")
    async with connected(cookie=found) as peer, connected(cookie=found) as second, connected(cookie=others) as third:
        for one in (peer, second, third):
            assert (await one.request("ping"))["type"] == "ok"
        await in_thread(client.get)("/login")  # the first request of a process imports what serves it
        begun = time.monotonic()
        await in_thread(client.post)("/logout")
        assert await peer.closed() == await second.closed() == connection.UNAUTHORIZED
        assert time.monotonic() - begun <= 1.0
        assert (await third.request("ping"))["type"] == "ok"


@pytest.mark.usefixtures("seldom")
@pytest.mark.parametrize("kind", ["command", "desired"])
async def test_case_g14_who_lost_the_role_or_the_token_acts_no_more(kind: str) -> None:
    await devices("demo/a")
    wish = {"name": "x"} if kind == "command" else {"patch": {"on": True}}
    async with connected(await token(demo="operator")) as peer:
        await peer.watch("demo/a")
        await in_thread(Membership.objects.all().update)(role="viewer")
        assert (await peer.request(kind, device="demo/a", **wish))["code"] == "forbidden"
        assert (await peer.request("ping"))["type"] == "ok"
        await in_thread(ApiToken.objects.all().delete)()
        peer.send(type=kind, id="last", device="demo/a", **wish)
        assert await peer.closed() == connection.UNAUTHORIZED
    assert not await Command.objects.aexists()


async def test_case_g14_lost_rights_end_the_stream_within_five_seconds() -> None:
    await devices("demo/a")
    async with connected(await token(demo="viewer")) as peer:
        await peer.watch("demo/a")
        begun = time.monotonic()
        await in_thread(Membership.objects.all().delete)()
        assert await peer.closed() == connection.FORBIDDEN
        assert time.monotonic() - begun <= 5.0


def _board(site: str | None = "demo") -> Board:
    place = Site.objects.get_or_create(name=site)[0] if site else None
    return Board.objects.create(name="Hall", site=place, digest=token_digest("secret"), created_by="user:ann")


async def test_case_i14_a_board_watches_its_site_and_is_out_within_five_seconds_when_revoked() -> None:
    await devices("demo/a", "other/b")
    board = await in_thread(_board)()
    async with connected(cookie="sessionid=ended; causeway_board=secret") as peer:
        reply = await peer.request("subscribe", devices={"demo/a": None, "other/b": None})
        assert "other/b" in str(reply["refused"])
        assert "demo/a" not in str(reply["refused"])
        for kind, wish in (("command", {"name": "x"}), ("desired", {"patch": {"on": True}})):
            assert (await peer.request(kind, device="demo/a", **wish))["code"] == "forbidden"
        begun = time.monotonic()
        await in_thread(board.delete)()
        assert await peer.closed() == connection.UNAUTHORIZED
        assert time.monotonic() - begun <= 5.0
    assert not await Command.objects.aexists()


def test_a_boards_cookie_counts_where_no_session_does(
    transactional_db: None, django_assert_max_num_queries: Any
) -> None:
    make_user("u0", demo="operator")
    _board(None)
    key, secret = browser("u0").cookies["sessionid"].value, token_digest("secret")
    shown: list[Credential] = [
        Session(key, secret),
        Session("none", secret),
        Session("", secret),
        Session("", token_digest("x")),
    ]
    with django_assert_max_num_queries(5):
        found = access_by_all(shown)
    assert found == {one: access_by(one) for one in shown}
    assert [access and dict(access.roles) for access in found.values()] == [
        {"demo": "operator"},
        {"*": "viewer"},
        {"*": "viewer"},
        None,
    ]


def test_case_g14_many_are_looked_at_as_one_is(transactional_db: None, django_assert_max_num_queries: Any) -> None:
    texts = [
        make_user(f"u{number}", **roles) for number, roles in enumerate(({"demo": "viewer"}, {"all": "admin"}, {}))
    ]
    root = User.objects.create_superuser("root")
    inactive = make_user("gone", demo="admin")
    User.objects.filter(username="gone").update(is_active=False)
    keys = [browser(name).cookies["sessionid"].value for name in ("u0", "u1", "root")]
    changed = browser("u2").cookies["sessionid"].value
    user = User.objects.get(username="u2")
    user.set_password("another")
    user.save()
    tokens = map(token_digest, [*texts, inactive, "cwy_wrong"])
    shown: list[Credential] = [*map(Token, tokens), *map(Session, [*keys, changed, "none"])]
    with django_assert_max_num_queries(4):
        found = access_by_all(shown)
    assert found == {one: access_by(one) for one in shown}
    assert sum(access is None for access in found.values()) == 4
    assert root.is_active
