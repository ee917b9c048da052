"""Tickets as the API gives them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import ApiToken, Board, Ticket
from devices.web.auth import BOARD_COOKIE, token_digest
from devices.web.live.queries.authentication import Session, Token
from devices.web.live.queries.tickets import redeem
from devices.web.people import tickets
from runtime.database_clock import now

URL = "/api/v1/tickets"
AsRole = Callable[..., Client]


def test_a_ticket_stands_for_the_token_that_asked_and_once(as_role: AsRole) -> None:
    answer = as_role("ann", demo="viewer").post(URL)
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    ticket = answer.json()["ticket"]
    assert answer.json()["subprotocol"] == f"causeway.ticket.{ticket}"
    assert ticket not in str(Ticket.objects.values())
    assert redeem(ticket + "x") is None
    assert redeem(ticket) == Token(ApiToken.objects.get().digest)
    assert redeem(ticket) is None
    assert not Ticket.objects.exists()


def test_a_ticket_stands_for_the_session_or_the_board_that_asked(as_role: AsRole) -> None:
    as_role("ann", demo="viewer")
    browser = Client()
    browser.force_login(User.objects.get())
    assert redeem(browser.post(URL).json()["ticket"]) == Session(browser.cookies["sessionid"].value)
    Board.objects.create(name="Hall", digest=token_digest("secret"), created_by="user:ann")
    wall = Client()
    wall.cookies[BOARD_COOKIE] = "secret"
    assert redeem(wall.post(URL).json()["ticket"]) == Session("", token_digest("secret"))


def test_a_ticket_is_for_who_has_a_right_and_comes_from_one_of_our_pages(as_role: AsRole) -> None:
    assert Client().post(URL).status_code == 401
    nobody = as_role("nobody")
    assert nobody.post(URL).status_code == 403
    as_role("ann", demo="viewer")
    page = Client(enforce_csrf_checks=True)
    page.force_login(User.objects.get(username="ann"))
    assert page.post(URL).status_code == 403
    assert not Ticket.objects.exists()


def test_a_ticket_lasts_30_s_and_old_ones_are_thrown_away(as_role: AsRole) -> None:
    client = as_role("ann", demo="viewer")
    ticket = client.post(URL).json()["ticket"]
    row = Ticket.objects.get()
    assert timedelta(seconds=25) < row.expires_at - now() <= timedelta(seconds=30)
    row.expires_at = now() - timedelta(seconds=1)
    row.save()
    assert redeem(ticket) is None
    client.post(URL)
    assert Ticket.objects.count() == 1


def test_nobody_has_more_than_some_unused_tickets(as_role: AsRole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MAX_OPEN", 2)
    client = as_role("ann", demo="viewer")
    assert [client.post(URL).status_code for _ in range(3)] == [201, 201, 429]
    assert as_role("bob", demo="viewer").post(URL).status_code == 201
