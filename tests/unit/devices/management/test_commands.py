"""create_token, provision_device, ensure_admin."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError

from devices.models import ApiToken, Device, Membership
from devices.requests.credentials import matches
from devices.web.auth import access_by_token

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def roles_after(*arguments: str) -> dict[str, str]:
    access = access_by_token(run("create_token", *arguments).split()[-1])
    assert access is not None
    return dict(access.roles)


def test_the_token_is_the_last_word_and_lets_in() -> None:
    assert roles_after("me") == {"*": "viewer"}
    assert not User.objects.get().has_usable_password()


def test_roles_come_stay_and_change() -> None:
    assert roles_after("me", "--site", "demo", "--role", "operator") == {"demo": "operator"}
    assert roles_after("me", "--site", "demo") == {"demo": "operator"}
    assert roles_after("me", "--site", "demo", "--role", "admin") == {"demo": "admin"}
    assert roles_after("me", "--site", "other") == {"demo": "admin", "other": "viewer"}
    assert roles_after("me", "--role", "viewer") == {"demo": "admin", "other": "viewer", "*": "viewer"}
    assert (User.objects.count(), ApiToken.objects.count()) == (1, 5)


def test_a_superuser_needs_no_membership() -> None:
    User.objects.create_superuser("root")
    assert roles_after("root", "--role", "viewer") == {"*": "admin"}
    assert not Membership.objects.exists()


def test_a_token_may_end() -> None:
    run("create_token", "me", "--days", "3")
    end = ApiToken.objects.get().expires_at
    assert end is not None
    assert round((end - ApiToken.objects.get().created_at).total_seconds() / 86_400) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("",),
        ("me", "--site", "a b"),
        ("me", "--site", ""),
        ("me", "--role", "king"),
        ("me", "--days", "0"),
        ("x" * 151,),
    ],
)
def test_bad_arguments_are_one_line_and_change_nothing(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        run("create_token", *arguments)
    assert "\n" not in str(caught.value)
    assert not ApiToken.objects.exists()
    assert not User.objects.exists()


def test_provisioning_prints_what_the_broker_takes() -> None:
    printed = dict(line.split(None, 1) for line in run("provision_device", "demo/aa:bb").splitlines())
    assert (printed["device"], printed["username"]) == ("demo/aa:bb", "demo/aa%3Abb")
    assert matches(printed["password"], Device.objects.get().mqtt_password)


@pytest.mark.parametrize("key", ["demo", "a/b/c", "a b/c"])
def test_provisioning_needs_a_key(key: str) -> None:
    with pytest.raises(CommandError, match="is not site/device"):
        run("provision_device", key)


def test_the_database_down_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr("devices.requests.provisioning.register_device", down)
    with pytest.raises(CommandError, match=r"^the database failed: connection refused$"):
        run("provision_device", "demo/lamp")


def test_the_first_admin_gets_the_given_password_or_a_random_one(settings: Any) -> None:
    settings.ADMIN_PASSWORD = "from the environment"
    assert "from the environment" not in run("ensure_admin")
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser) == ("admin", True)
    assert admin.check_password("from the environment")
    assert run("ensure_admin") == ""
    admin.delete()
    settings.ADMIN_PASSWORD = ""
    assert User.objects.count() == 0
    password = run("ensure_admin").split()[-1]
    assert User.objects.get().check_password(password)


def test_where_there_are_users_none_is_made(settings: Any) -> None:
    User.objects.create_user("somebody")
    settings.ADMIN_PASSWORD = "x"
    assert run("ensure_admin") == ""
    assert User.objects.count() == 1
