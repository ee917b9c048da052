"""What has changed of a device, and what it was at a time, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from devices.models import Device
from devices.web.api.schemas import ChangePage, DeviceAsOf
from runtime.database_clock import clock
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A = key_in(0)
URL = f"/api/v1/devices/{A}"


@pytest.fixture
def begun_ms(db: None) -> int:
    """When the story of the device began: it says something each second for three seconds, then ann does."""
    worker = Worker()
    begun_ms = worker.now_ms = clock.now_ms() - 60_000
    for value in (1, 2, {"b": 3}):
        worker.hear(delivery(A, "state", {"a": value}, at_ms=worker.now_ms))
        worker.now_ms += 1_000
    row = worker.store(A, "tags", tags=["p"])
    row.created_by = "user:ann"
    row.save()
    worker.settle(row)
    return begun_ms


def asked(client: Client, path: str = "", **query: Any) -> Any:
    answer = client.get(URL + path, query)
    return answer.json() if answer.status_code == 200 else answer.status_code


def test_changes_are_listed_the_latest_first_a_page_at_a_time(as_role: Callable[..., Client], begun_ms: int) -> None:
    viewer = as_role(demo="viewer")
    first = asked(viewer, "/changes", limit=2)
    ChangePage.model_validate(first, strict=True)
    assert [(one["kind"], one["patch"], one["undo"], one["actor"]) for one in first["items"]] == [
        ("tags", ["p"], [], "user:ann"),
        ("reported", {"a": {"b": 3}}, {"a": 2}, ""),
    ]
    rest = asked(viewer, "/changes", cursor=first["next"])
    assert [one["kind"] for one in rest["items"]] == ["reported", "presence", "reported", "registered"]
    assert rest["next"] is None
    assert [one["patch"] for one in asked(viewer, "/changes", kind="reported", until=begun_ms + 1)["items"]] == [
        {"a": 1}
    ]
    assert asked(viewer, "/changes", since=begun_ms + 4_000)["items"] == []


def test_a_device_is_shown_as_it_was(as_role: Callable[..., Client], begun_ms: int) -> None:
    viewer = as_role(demo="viewer")
    then = asked(viewer, at=begun_ms + 1_500)
    DeviceAsOf.model_validate(then, strict=True)
    assert (then["reported"], then["tags"], then["presence"]["status"]) == ({"a": 2}, [], "online")
    assert then["changed"]["reported"]["actor"] == ""
    now = asked(viewer, at=clock.now_ms())
    assert (now["reported"], now["tags"], now["changed"]["tags"]["actor"]) == ({"a": {"b": 3}}, ["p"], "user:ann")
    assert asked(viewer, at=begun_ms - 1) == 404
    assert asked(viewer, at=begun_ms - 31 * 86_400_000) == 400
    assert asked(viewer, at="yesterday") == 400


def test_a_deleted_device_has_been(as_role: Callable[..., Client], begun_ms: int) -> None:
    worker = Worker("another", epoch=2)
    worker.now_ms = begun_ms + 10_000
    worker.ask(A, "delete")
    assert not Device.objects.exists()
    viewer = as_role(demo="viewer")
    assert asked(viewer) == asked(viewer, at=begun_ms + 10_001) == 404
    assert asked(viewer, at=begun_ms + 9_000)["reported"] == {"a": {"b": 3}}
    assert asked(viewer, "/changes")["items"][0]["kind"] == "deleted"


def test_what_one_may_not_see_is_not_there(as_role: Callable[..., Client], begun_ms: int) -> None:
    stranger = as_role("stranger", other="admin")
    assert asked(stranger, "/changes") == asked(stranger, at=begun_ms) == 404
    assert as_role(demo="viewer").get("/api/v1/devices/demo/none/changes").status_code == 404
