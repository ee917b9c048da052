"""Roles, rights, tokens."""

from datetime import timedelta
from types import MappingProxyType
from typing import get_args

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from devices.models import ApiToken, Device, Membership, Site
from devices.requests.refusals import ForbiddenError, NotFoundError
from devices.requests.registry import register_device
from devices.rules.actors import Actor
from devices.rules.capabilities import ROLES, Capability
from devices.web.auth import (
    Access,
    access_by_token,
    access_of,
    bearer_token,
    issue_token,
    roles_of,
    token_digest,
)
from runtime.database_clock import now


def access(**roles: str) -> Access:
    renamed = {("*" if site == "all" else site): role for site, role in roles.items()}
    return Access(user_id=1, username="someone", roles=MappingProxyType(renamed))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_table_says_where_it_holds(role: str) -> None:
    one, everywhere = access(demo=role), access(all=role)
    for wanted in get_args(Capability):
        allowed = wanted in ROLES[role]
        assert one.may(wanted, "demo") == everywhere.may(wanted, "demo") == allowed
        assert not one.may(wanted, "other")
        assert everywhere.may(wanted, "other") == everywhere.may(wanted, "*") == allowed
        assert not one.may(wanted, "*")
        assert one.may_somewhere(wanted) == everywhere.may_somewhere(wanted) == allowed


def test_a_role_that_nobody_knows_may_nothing() -> None:
    who = access(demo="gardener")
    assert not who.sees("demo")
    assert not who.sees_any
    assert who.sites == frozenset()


def test_the_stronger_of_site_and_all_sites_counts() -> None:
    who = access(all="viewer", demo="admin", low="viewer")
    assert [who.role_at(site) for site in ("demo", "low", "other")] == ["admin", "viewer", "viewer"]
    assert access(all="operator", demo="viewer").role_at("demo") == "operator"
    assert who.may("devices.delete", "demo")
    assert not who.may("devices.command", "low")
    assert who.sees_all
    assert who.sites == frozenset({"demo", "low"})


def test_what_is_not_visible_is_not_there_and_a_low_role_is_forbidden() -> None:
    who = access(demo="viewer")
    who.require("devices.read", "demo/lamp")
    with pytest.raises(ForbiddenError, match="needs the role operator at site demo; yours is viewer"):
        who.require("devices.command", "demo/lamp")
    with pytest.raises(NotFoundError):
        who.require("devices.read", "other/lamp")
    assert not access().sees_any


@pytest.mark.django_db
def test_the_filter_shows_visible_devices_only() -> None:
    for key in ("a/1", "b/1", "c/1"):
        register_device(key)

    def keys(who: Access) -> list[str]:
        return list(Device.objects.filter(who.device_filter()).values_list("key", flat=True))

    assert keys(access(a="viewer", c="admin")) == ["a/1", "c/1"]
    assert keys(access(all="viewer")) == ["a/1", "b/1", "c/1"]
    assert keys(access()) == []


@pytest.mark.django_db
def test_roles_of_users() -> None:
    user = User.objects.create_user("someone")
    assert roles_of(user) == {}
    site = Site.objects.create(name="demo")
    Membership.objects.create(user=user, site=site, role="operator")
    Membership.objects.create(user=user, site=None, role="viewer")
    assert roles_of(user) == {"demo": "operator", "*": "viewer"}
    assert roles_of(User.objects.create_superuser("root")) == {"*": "admin"}
    assert roles_of(AnonymousUser()) == {}
    assert access_of(AnonymousUser()) is None
    who = access_of(user)
    assert who is not None
    assert who.actor == Actor("user", "someone", user.pk)
    user.is_active = False
    assert roles_of(user) == {}
    assert access_of(user) is None


@pytest.mark.django_db
def test_tokens() -> None:
    user = User.objects.create_user("someone")
    token = issue_token(user)
    assert ApiToken.objects.get().digest == token_digest(token) != token
    who = access_by_token(token)
    assert who is not None
    assert (who.username, who.user_id) == ("someone", user.pk)
    assert who.actor == Actor("token", f"someone/{token_digest(token)[:8]}", user.pk)
    for wrong in ("", token[:-1], token + "x", token.upper(), "\ud800", "x" * 10_000):
        assert access_by_token(wrong) is None
    assert access_by_token(issue_token(user, timezone.now() + timedelta(hours=1))) is not None
    assert access_by_token(issue_token(user, now())) is None
    user.is_active = False
    user.save()
    assert access_by_token(token) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
        ("Basic abc", None),
        ("", None),
        ("abc", None),
    ],
)
def test_the_authorization_header(header: str, token: str | None) -> None:
    assert bearer_token(header) == token
