"""Signing in and out on a socket, into the scope's session; as by a form, logins are noted and logouts told to hubs."""

from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

Scope = dict[str, Any]


async def login(scope: Scope, user: AbstractBaseUser) -> None:
    """Sign a user in whose password, say, was checked; the session is saved, and the scope's user is this one."""
    await database_sync_to_async(_login)(scope, user)


async def logout(scope: Scope) -> None:
    """End the scope's session: of all its sockets, within a second."""
    await database_sync_to_async(_logout)(scope)


def _login(scope: Scope, user: Any) -> None:
    request = _request(scope)
    auth.login(request, user, settings.AUTHENTICATION_BACKENDS[-1])
    request.session.save()
    scope["user"] = user


def _logout(scope: Scope) -> None:
    auth.logout(_request(scope))
    scope["user"] = AnonymousUser()


def _request(scope: Scope) -> HttpRequest:
    """As much of one as Django and django-axes look at."""
    request = HttpRequest()
    request.method, request.path = "POST", scope["path"]
    request.META["REMOTE_ADDR"] = (scope.get("client") or [""])[0]
    request.session, request.user = scope["session"], scope["user"]
    return request
