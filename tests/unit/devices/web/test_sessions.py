"""Sessions that are used stay: a page on the wall is not signed out after two weeks."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from devices.web.auth import RENEW_S

pytestmark = pytest.mark.django_db
OLD = timedelta(days=13, hours=23)


@pytest.fixture
def wall() -> Client:
    """Signed in for almost two weeks."""
    client = Client()
    client.force_login(User.objects.create_superuser("wall"))
    client.get("/")
    session = client.session
    session["renewed_s"] = int(time.time() - OLD.total_seconds())
    session.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE) - OLD)
    return client


def lasts_s() -> float:
    return (Session.objects.get().expire_date - timezone.now()).total_seconds()


@pytest.mark.parametrize("path", ["/", "/api/v1/devices?limit=1"])
def test_case_i14_a_session_in_use_lasts_for_two_weeks_more(wall: Client, path: str) -> None:
    assert lasts_s() < 7_200
    answer = wall.get(path)
    assert answer.status_code == 200
    assert answer.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == settings.SESSION_COOKIE_AGE
    assert lasts_s() > settings.SESSION_COOKIE_AGE - 60


def test_case_i14_it_is_written_once_a_day_at_most(wall: Client) -> None:
    wall.get("/")
    for _ in range(3):
        assert settings.SESSION_COOKIE_NAME not in wall.get("/").cookies
    session = wall.session
    session["renewed_s"] -= RENEW_S
    session.save()
    assert settings.SESSION_COOKIE_NAME in wall.head("/api/v1/devices?limit=1").cookies


def test_case_i14_a_clock_that_was_ahead_holds_nothing_up(wall: Client) -> None:
    session = wall.session
    session["renewed_s"] = int(time.time()) + 10 * RENEW_S
    session.save()
    assert settings.SESSION_COOKIE_NAME in wall.get("/").cookies
