"""Events over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from devices.models import Event
from devices.web.api.schemas import Event as EventSchema
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/devices/demo/lamp/events"
T0 = 1_790_000_000_000


@pytest.fixture
def client(as_role: Callable[..., Client]) -> Client:
    lamp, other = set_twin("demo/lamp"), set_twin("demo/other")
    Event.objects.create(device=other, rev=9, name="door", data=None, ts=T0)
    for number, name in enumerate(("door", "bell", "door")):
        Event.objects.create(device=lamp, rev=10 + number, name=name, data={"nth": number}, ts=T0 + 1_000 * number)
    return as_role(demo="viewer")


def revs(client: Client, **query: Any) -> list[int]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [item["rev"] for item in answer.json()["items"]]


def test_case_i7_events_are_listed_the_newest_first(client: Client) -> None:
    body = client.get(URL).json()
    assert body["items"][0] == {"rev": 12, "name": "door", "data": {"nth": 2}, "ts": T0 + 2_000}
    assert ([item["rev"] for item in body["items"]], body["next"]) == ([12, 11, 10], None)
    EventSchema.model_validate(body["items"][0], strict=True)


def test_case_i7_pages_go_on_where_the_one_before_ended(client: Client) -> None:
    first = client.get(URL, {"limit": 2}).json()
    second = client.get(URL, {"limit": 2, "cursor": first["next"]}).json()
    assert [[item["rev"] for item in body["items"]] for body in (first, second)] == [[12, 11], [10]]
    assert second["next"] is None


def test_events_are_chosen_by_name_and_time(client: Client) -> None:
    assert revs(client, name="door") == [12, 10]
    assert revs(client, since=T0 + 1_000) == [12, 11]
    assert revs(client, until=T0 + 1_000) == [10]


def test_events_of_a_device_that_one_may_not_see_are_not_there(as_role: Callable[..., Client], client: Client) -> None:
    assert as_role("stranger", other="admin").get(URL).status_code == 404
