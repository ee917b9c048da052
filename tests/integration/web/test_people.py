"""People's presence over two web processes, a Redis between them: who comes, who leaves, a process that is killed."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from causeway_client import Client
from causeway_client.attendance import Attending
from tests.support.servers.redis import redis_service
from tests.support.waiting import eventually_async

PLACE = "page:workshop"


@pytest.fixture
def redis() -> Iterator[str]:
    """The URL of an empty one."""
    service = redis_service()
    service.start()
    yield service.url
    service.stop()


async def sees(here: Attending, **people: str) -> None:
    """Wait until these are there."""

    def shown() -> dict[str, str]:
        return {one.user: one.doing for one in here.people or ()}

    await eventually_async(lambda: shown() == people, what=f"{people} instead of {shown()}")


PEOPLE = """
from devices.models import Membership, Site
from django.contrib.auth.models import User
from devices.web.auth import issue_token
for name, site in (("ann", None), ("bob", None), ("cat", "home"), ("dan", "demo")):
    place = Site.objects.create(name=site) if site else None
    user = User.objects.create_user(name)
    Membership.objects.create(user=user, site=place, role="viewer")
    print("token", issue_token(user))
"""


async def test_people_are_shown_across_web_processes_and_gone_with_theirs(
    start: Callable[..., Any], redis: str
) -> None:
    first = start(REDIS_URL=redis, CAUSEWAY_SINGLE_PROCESS="false")
    shared = {name: first.process.settings[name] for name in ("DATABASE_URL", "REDIS_URL", "CAUSEWAY_SINGLE_PROCESS")}
    second = start(**shared)
    lines = first.run("shell", "-c", PEOPLE).splitlines()
    ann, bob, stranger, neighbour = [line.split()[1] for line in lines if line.startswith("token ")]
    async with AsyncExitStack() as clients:

        async def at(web: Any, token: str, doing: str = "viewing") -> Attending:
            client = Client(f"ws://127.0.0.1:{web.port}/ws/v1/", token, proxy=None)
            return (await clients.enter_async_context(client)).attend(PLACE, doing)

        one = await at(first, ann)
        await sees(one, ann="viewing")
        two, three = await at(second, bob, "commanding"), await at(second, ann, "editing")
        for here in (one, two, three):
            await sees(here, ann="editing", bob="commanding")
        cat, dan = await at(second, stranger), await at(first, neighbour)
        await sees(cat, ann="editing", bob="commanding", cat="viewing")
        await sees(dan, ann="editing", bob="commanding", dan="viewing")
        await sees(one, ann="editing", bob="commanding", cat="viewing", dan="viewing")
        two.close()
        await sees(one, ann="editing", cat="viewing", dan="viewing")
        await sees(dan, ann="editing", dan="viewing")
        second.process.kill()
        await sees(one, ann="viewing", dan="viewing")
        await sees(dan, ann="viewing", dan="viewing")
