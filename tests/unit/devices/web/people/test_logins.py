"""Signing in: who guesses is slowed down by address and by name, the others are not."""

from collections.abc import Iterator

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from devices.web.people import logins
from runtime.http.hashing import TooManyHashesError

GOOD = "a-good-password"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def people() -> Iterator[None]:
    for name in ("ann", "bob"):
        User.objects.create_user(name, password=GOOD)
    yield
    AccessAttempt.objects.all().delete()


def sign_in(name: str, password: str, address: str = "192.0.2.1") -> int:
    answer = Client(REMOTE_ADDR=address).post("/login", {"username": name, "password": password})
    if answer.status_code == 429:
        assert answer["Retry-After"] == "300"
        assert "Too many wrong passwords" in answer.content.decode()
    return answer.status_code


def test_case_g7_forty_wrong_passwords_are_not_all_looked_at() -> None:
    answers = [sign_in("ann", f"wrong-{number}") for number in range(40)]
    assert answers == [200] * 9 + [429] * 31
    assert sign_in("ann", GOOD) == 429


def test_case_g7_a_name_is_guarded_against_many_addresses_and_an_address_against_many_names() -> None:
    assert [sign_in("ann", "wrong", f"192.0.2.{number}") for number in range(20)][-1] == 429
    assert sign_in("bob", GOOD, "198.51.100.1") == 302
    assert [sign_in(f"nobody-{number}", "wrong", "203.0.113.1") for number in range(20)][-1] == 429
    assert sign_in("bob", GOOD, "203.0.113.1") == 429


def test_case_g7_after_the_pause_it_goes_on(settings: Settings) -> None:
    for number in range(10):
        sign_in("ann", f"wrong-{number}")
    assert sign_in("ann", GOOD) == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert sign_in("ann", GOOD) == 302


def test_while_too_many_wait_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> bool:
        raise TooManyHashesError

    monkeypatch.setattr(User, "check_password", busy)
    assert sign_in("ann", GOOD) == 503


def test_nobody_and_an_inactive_user_come_in_as_little_as_a_wrong_password() -> None:
    User.objects.filter(username="bob").update(is_active=False)
    assert sign_in("bob", GOOD) == sign_in("nobody", GOOD) == 200


def test_the_admin_site_has_no_login_of_its_own() -> None:
    assert Client().get("/admin/", follow=True).redirect_chain[-1][0] == "/login?next=/admin/"
    client = Client()
    client.force_login(User.objects.get(username="ann"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_backend_without_name_or_password_knows_nobody() -> None:
    assert logins.PatientBackend().authenticate(None, username="ann") is None
