"""People with roles, and clients of theirs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from devices.models import Membership, Site
from devices.web.auth import issue_token
from tests.support.worlds.fake_worker import fresh_layers


@pytest.fixture(autouse=True)
def layers() -> Iterator[None]:
    fresh_layers()
    yield
    fresh_layers()


def make_user(name: str, **roles: str) -> str:
    """A user with roles by site (``all`` for all sites); the token."""
    user = User.objects.filter(username=name).first() or User.objects.create_user(name)
    for site, role in roles.items():
        place = None if site == "all" else Site.objects.get_or_create(name=site)[0]
        Membership.objects.create(user=user, site=place, role=role)
    return issue_token(user)


@pytest.fixture
def as_role(db: None) -> Callable[..., Client]:
    """``as_role(demo="viewer")``: a client with the token of a user with these roles."""

    def make(name: str = "someone", **roles: str) -> Client:
        return Client(headers={"Authorization": f"Bearer {make_user(name, **roles)}"})

    return make


@pytest.fixture
def async_as_role(transactional_db: None) -> Callable[..., AsyncClient]:
    """The same, for operations that ask a worker."""

    def make(name: str = "someone", **roles: str) -> AsyncClient:
        return _TokenClient(make_user(name, **roles))

    return make


class _TokenClient(AsyncClient):
    """With a token, and each request on a thread of its own as under Daphne (synchronous middleware holds one)."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._headers = {"Authorization": f"Bearer {token}"}

    def generic(self, *args: Any, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        return super().generic(*args, headers={**self._headers, **(headers or {})}, **options)

    async def request(self, **request: Any) -> Any:
        async with ThreadSensitiveContext():
            return await super().request(**request)
