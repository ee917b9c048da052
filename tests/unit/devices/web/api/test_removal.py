"""Case H5 over HTTP: many devices deleted by a filter, keys that are blocked."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from devices.models import BlockedKey, Device
from tests.support.worlds.fake_worker import FakeWorker, set_twin

AsRole = Callable[..., Client]
AsyncAsRole = Callable[..., AsyncClient]


def some() -> None:
    for key in ("demo/made-1", "demo/made-2", "demo/lamp", "plant/made-3"):
        set_twin(key)


async def test_case_h5_a_filter_is_demanded_and_their_number(async_as_role: AsyncAsRole) -> None:
    await sync_to_async(some)()
    client = await sync_to_async(async_as_role)(demo="admin")
    for query in ("", "dry_run=true", "expect=3", "site=demo", "q=made"):
        answer = await client.delete(f"/api/v1/devices?{query}")
        assert answer.status_code == 400, query
    counted = await client.delete("/api/v1/devices?q=made&dry_run=true")
    assert (counted.status_code, counted.json()) == (200, {"count": 2, "deleted": False}), "only what one sees"
    assert (await client.delete("/api/v1/devices?q=made&expect=3")).status_code == 409
    assert await Device.objects.acount() == 4
    async with FakeWorker().running():
        answer = await client.delete("/api/v1/devices?q=made&expect=2")
    assert (answer.status_code, answer.json()) == (200, {"count": 2, "deleted": True})
    assert {one.key async for one in Device.objects.all()} == {"demo/lamp", "plant/made-3"}


def test_case_h5_deleting_many_needs_the_right_at_all_of_their_sites(as_role: AsRole) -> None:
    some()
    for name, roles in (("ann", {"demo": "operator"}), ("bob", {"demo": "admin", "plant": "viewer"})):
        answer = as_role(name, **roles).delete("/api/v1/devices?q=made&dry_run=true")
        assert answer.status_code == 403
    assert (
        as_role("cher", demo="admin", plant="admin").delete("/api/v1/devices?q=made&dry_run=true").json()["count"] == 3
    )


async def test_case_h5_a_key_is_blocked_whether_or_not_it_is_a_devices(async_as_role: AsyncAsRole) -> None:
    client = await sync_to_async(async_as_role)(demo="admin")
    assert (await client.get("/api/v1/devices/demo/ghost/block")).status_code == 404
    async with FakeWorker().running():
        assert (await client.post("/api/v1/devices/demo/ghost/block")).status_code == 204
        assert (await client.get("/api/v1/devices/demo/ghost/block")).json()["device"] == "demo/ghost"
        assert (await client.delete("/api/v1/devices/demo/ghost/block")).status_code == 204
    assert not await BlockedKey.objects.aexists()
    assert (await client.post("/api/v1/devices/demo/no!/block")).status_code == 400


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403)])
def test_case_h5_blocking_needs_the_role_admin(as_role: AsRole, role: str, status: int) -> None:
    assert as_role(demo=role).post("/api/v1/devices/demo/lamp/block").status_code == status
    assert as_role("stranger", other="admin").post("/api/v1/devices/demo/lamp/block").status_code == 404
