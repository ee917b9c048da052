"""Django's middleware in the event loop: nothing of it is lost, and only what asks the database goes to a thread."""

import threading
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory
from django.utils.deprecation import MiddlewareMixin

from runtime.http.async_middleware import (
    CsrfViewMiddleware,
    MessageMiddleware,
    SecurityMiddleware,
    SessionMiddleware,
    _InTheLoop,
)

requests = AsyncRequestFactory()


async def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def test_what_only_computes_stays_in_the_loop() -> None:
    threads = []

    class Probe(_InTheLoop, MiddlewareMixin):
        def process_request(self, _request: HttpRequest) -> None:
            threads.append(threading.current_thread())

        def process_response(self, _request: HttpRequest, response: HttpResponse) -> HttpResponse:
            threads.append(threading.current_thread())
            return response

    await Probe(empty)(requests.get("/"))  # type: ignore[misc]
    assert threads == [threading.current_thread()] * 2


@pytest.mark.parametrize("kept", [None, "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_case_d4_each_answer_says_when_it_was_made(kept: str | None) -> None:
    async def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Date": kept} if kept else {})

    answer: Any = await SecurityMiddleware(view)(requests.get("/"))  # type: ignore[misc]
    if kept:
        assert answer["Date"] == kept
    else:
        assert abs(parsedate_to_datetime(answer["Date"]).timestamp() - time.time()) < 5


@pytest.mark.django_db(transaction=True)
async def test_a_changed_session_is_saved() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        request.session["seen"] = 1
        return HttpResponse()

    answer: Any = await SessionMiddleware(view)(requests.get("/"))  # type: ignore[misc]
    stored = await Session.objects.aget(session_key=answer.cookies["sessionid"].value)
    assert stored.get_decoded() == {"seen": 1}


@pytest.mark.django_db(transaction=True)
async def test_messages_are_kept() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        messages.info(request, "saved")
        return HttpResponse()

    request: Any = requests.get("/")
    request.session = SessionStore()
    answer: Any = await MessageMiddleware(view)(request)  # type: ignore[misc]
    assert answer.cookies["messages"].value


@pytest.mark.parametrize(("exempt", "refused"), [(False, True), (True, False)])
async def test_a_form_without_its_token_is_refused(exempt: bool, refused: bool) -> None:
    async def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    view.csrf_exempt = exempt  # type: ignore[attr-defined]
    answer = await CsrfViewMiddleware(empty).process_view(requests.post("/x"), view, (), {})
    assert (answer is not None and answer.status_code == HTTPStatus.FORBIDDEN) is refused


@pytest.mark.django_db(transaction=True)
async def test_the_whole_chain_logs_in_with_headers_as_before() -> None:
    await sync_to_async(User.objects.create_user)("ann", password="secret-enough")
    client = AsyncClient(enforce_csrf_checks=True)
    form = {"username": "ann", "password": "secret-enough"}
    assert (await client.post("/login", form)).status_code == HTTPStatus.FORBIDDEN
    page = await client.get("/login")
    assert (page["X-Frame-Options"], page["X-Content-Type-Options"]) == ("DENY", "nosniff")
    form["csrfmiddlewaretoken"] = client.cookies["csrftoken"].value
    answer = await client.post("/login", form)
    assert answer.status_code == HTTPStatus.FOUND
    assert (await client.get("/")).status_code == HTTPStatus.OK
