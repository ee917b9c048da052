"""Boards: made by admins, let in by a link once, viewers from then on, out when revoked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Board, Membership, Site
from devices.requests.registry import register_device
from devices.web.auth import BOARD_COOKIE, access_by_board, token_digest
from devices.web.people.checks import MAX_BOARDS
from runtime.database_clock import now

JSON = "application/json"
URL = "/api/v1/boards"
AsRole = Callable[..., Client]


def made(client: Client, **board: Any) -> Any:
    return client.post(URL, {"name": "Hall", "site": "demo", **board}, JSON)


def token_in(link: str) -> str:
    before, _, token = link.partition("#")
    assert before == "http://testserver/board"
    return token


def let_in(link: str) -> tuple[Client, Any]:
    """A browser that has opened the link."""
    browser = Client(enforce_csrf_checks=True)
    browser.get("/board")
    form = {"token": token_in(link), "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    return browser, browser.post("/board", form)


@pytest.fixture
def admin(as_role: AsRole) -> Client:
    register_device("demo/lamp")
    register_device("other/lamp")
    return as_role("ann", demo="admin")


@pytest.fixture
def browser(admin: Client) -> Client:
    found, _ = let_in(made(admin).json()["link"])
    return found


def test_a_link_lets_one_browser_in_and_leads_to_what_the_board_shows(admin: Client) -> None:
    link = made(admin, path="/?tag=cold").json()["link"]
    browser, answer = let_in(link)
    assert (answer.status_code, answer["Location"]) == (303, "/?tag=cold&kiosk")
    assert answer["Referrer-Policy"] == "same-origin"
    cookie = answer.cookies[BOARD_COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 400 * 86_400)
    assert cookie.value not in link
    page = browser.get("/?tag=cold&kiosk")
    assert page.status_code == 200
    assert page.context["page"]["user"] == {"name": "Hall", "staff": False, "board": Board.objects.get().pk}
    assert page.cookies[BOARD_COOKIE]["max-age"] == 400 * 86_400  # it begins anew
    _, again = let_in(link)
    assert again.status_code == 403
    assert BOARD_COOKIE not in again.cookies


@pytest.mark.parametrize("token", ["", "cwb_", "cwb_wrong", "x" * 10_000, "cwy_token", "ä\0"])
def test_other_tokens_let_nobody_in(admin: Client, token: str) -> None:
    _, answer = let_in(f"http://testserver/board#{token}")
    assert answer.status_code == 403
    assert "Location" not in answer


def test_a_link_is_good_for_seven_days(admin: Client) -> None:
    link = made(admin).json()["link"]
    Board.objects.update(link_expires_at=now() - timedelta(seconds=1))
    assert let_in(link)[1].status_code == 403


def test_a_link_alone_shows_nothing(admin: Client) -> None:
    token = token_in(made(admin).json()["link"])
    browser = Client()
    browser.cookies[BOARD_COOKIE] = token
    assert browser.get("/api/v1/devices").status_code == 401
    assert browser.get("/").status_code == 302


def test_a_form_from_elsewhere_lets_nobody_in(admin: Client) -> None:
    token = token_in(made(admin).json()["link"])
    assert Client(enforce_csrf_checks=True).post("/board", {"token": token}).status_code == 403


def test_only_digests_are_stored(admin: Client) -> None:
    link = made(admin).json()["link"]
    assert Board.objects.get().digest == token_digest(token_in(link))
    browser, _ = let_in(link)
    assert Board.objects.get().digest == token_digest(browser.cookies[BOARD_COOKIE].value)


def test_a_board_is_a_viewer_of_its_site(browser: Client) -> None:
    assert [one["device"] for one in browser.get("/api/v1/devices").json()["items"]] == ["demo/lamp"]
    assert browser.get("/api/v1/devices/other/lamp").status_code == 404
    assert browser.get("/devices/demo/lamp").status_code == 200
    assert browser.get("/admin/").status_code == 302
    csrf = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    for method, path, body in (
        ("post", "/devices/demo/lamp/commands", {"name": "on"}),
        ("patch", "/devices/demo/lamp/desired", {"target": 1}),
        ("post", "/boards", {"name": "mine", "site": "demo"}),
        ("patch", "/me/preferences", {"theme": "dark"}),
        ("post", "/me/views", {"name": "mine", "page": "fleet"}),
    ):
        answer = getattr(browser, method)(f"/api/v1{path}", body, JSON, headers=csrf)
        assert (answer.status_code, path) == (403, path)
    assert browser.delete("/api/v1/devices/demo/lamp", headers=csrf).status_code == 403
    assert browser.get("/api/v1/me/views").status_code == 403


def test_who_is_signed_in_has_their_own_rights_beside_a_board(browser: Client) -> None:
    browser.force_login(User.objects.create_user("nobody"))
    assert browser.get("/api/v1/devices").status_code == 403  # without any role
    browser.post("/logout")
    browser.cookies.pop("sessionid", None)
    assert browser.get("/api/v1/devices").status_code == 200


def test_it_has_preferences_of_its_own(admin: Client) -> None:
    browser, _ = let_in(made(admin, theme="dark", time_zone="Asia/Tokyo", language="de").json()["link"])
    chosen = {"theme": "dark", "language": "de", "time_zone": "Asia/Tokyo"}
    assert browser.get("/api/v1/me/preferences").json() == chosen
    assert browser.get("/").context["page"]["preferences"] == chosen


def test_revoked_it_is_out_and_a_new_link_puts_the_old_browser_out(admin: Client, browser: Client) -> None:
    (board,) = admin.get(URL).json()["items"]
    assert (board["name"], board["link_expires_at"]) == ("Hall", None)
    assert board["seen_at"]
    link = admin.post(f"{URL}/{board['id']}/link", {}, JSON).json()["link"]
    assert browser.get("/api/v1/devices").status_code == 401
    second, _ = let_in(link)
    assert second.get("/api/v1/devices").status_code == 200
    secret = second.cookies[BOARD_COOKIE].value
    assert access_by_board(secret) is not None
    assert admin.delete(f"{URL}/{board['id']}").status_code == 204
    assert second.get("/api/v1/devices").status_code == 401
    assert access_by_board(secret) is None


def test_only_admins_of_its_site_make_and_see_it(as_role: AsRole, admin: Client) -> None:
    operator, elsewhere, all_sites = (
        as_role("bob", demo="operator"),
        as_role("eve", other="admin"),
        as_role("cat", all="admin"),
    )
    board = made(admin).json()
    assert made(operator).status_code == 403
    assert made(elsewhere).status_code == 404
    assert made(admin, site=None).status_code == 403
    assert made(all_sites, site=None).status_code == 201
    assert [len(one.get(URL).json()["items"]) for one in (admin, operator, elsewhere, all_sites)] == [1, 0, 0, 2]
    assert operator.delete(f"{URL}/{board['id']}").status_code == 404
    assert elsewhere.post(f"{URL}/{board['id']}/link", {}, JSON).status_code == 404
    assert made(all_sites, site="nowhere").status_code == 404


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("path", wrong) for wrong in ("", "fleet", "//evil.example", "/\\evil.example", "https://x", "/#x", "/ä")),
        ("name", ""),
        ("time_zone", "Mars"),
        ("theme", "blue"),
    ],
)
def test_what_is_no_board_is_refused_by_name(admin: Client, field: str, wrong: str) -> None:
    answer = made(admin, **{field: wrong})
    assert answer.status_code == 400
    assert field in answer.json()["detail"]


def test_there_are_only_so_many(admin: Client) -> None:
    rows = (Board(name="x", digest=str(number), created_by="x") for number in range(MAX_BOARDS))
    Board.objects.bulk_create(rows)
    assert made(admin).status_code == 409


def test_it_goes_with_its_site_and_stays_when_its_maker_goes(admin: Client, browser: Client) -> None:
    Membership.objects.all().delete()
    User.objects.all().delete()
    assert browser.get("/api/v1/devices").status_code == 200
    site = Site.objects.create(name="soon gone")
    Board.objects.create(name="x", digest="x", site=site, created_by="x")
    site.delete()
    assert Board.objects.count() == 1
