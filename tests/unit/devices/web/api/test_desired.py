"""Desired state over HTTP: merge patches, versions as ETags."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from devices.rules.requested import set_desired
from tests.support.worlds.fake_worker import FakeWorker, set_twin

URL = "/api/v1/devices/demo/lamp/desired"


def test_it_is_read_with_its_version_as_etag(as_role: Callable[..., Client]) -> None:
    set_twin("demo/lamp", lambda twin: set_desired(twin, {"on": True}, None))
    answer = as_role(demo="viewer").get(URL)
    assert answer.json() == {"version": 1, "desired": {"on": True}}
    assert answer["ETag"] == '"1"'


async def test_merging_versions_and_conflicts(async_as_role: Callable[..., AsyncClient]) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="operator")

    async def patch(body: Any, if_match: str | None = None) -> Any:
        headers = {"If-Match": if_match} if if_match else {}
        return await client.patch(URL, body, "application/merge-patch+json", headers=headers)

    async with FakeWorker().running():
        answer = await patch({"led": {"on": True, "level": 5}})
        assert (answer.status_code, answer["ETag"]) == (200, '"1"')
        assert answer.json() == {"version": 1, "desired": {"led": {"on": True, "level": 5}}}
        answer = await patch({"led": {"on": None}}, '"1"')
        assert answer.json() == {"version": 2, "desired": {"led": {"level": 5}}}
        for stale in ('"1"', "1"):
            answer = await patch({"x": 1}, stale)
            assert (answer.status_code, answer.json()["code"]) == (412, "conflict")
            assert answer.json()["detail"] == "desired is at version 2, which If-Match does not name"
        assert (await patch({"x": 1}, "2")).json()["version"] == 3
        assert (await patch({"x": 2}, "*")).json()["version"] == 4
        answer = await patch({"x": 2})
        assert (answer.status_code, answer["ETag"]) == (200, '"4"'), "nothing changed, no new version"


@pytest.mark.parametrize("body", ["[]", "null", "7", "", "{", '{"a": 1e999}', '{"a": "\\u0000"}', "[" * 40 + "]" * 40])
def test_what_is_no_merge_patch_is_refused(as_role: Callable[..., Client], body: str) -> None:
    set_twin("demo/lamp")
    answer = as_role(demo="operator").patch(URL, body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_viewers_may_not(as_role: Callable[..., Client]) -> None:
    set_twin("demo/lamp")
    answer = as_role(demo="viewer").patch(URL, {"on": True}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_case_g13_conditions_are_those_of_rfc_9110(async_as_role: Callable[..., AsyncClient]) -> None:
    await sync_to_async(set_twin)("demo/lamp", lambda twin: set_desired(twin, {"on": True}, None))
    client = await sync_to_async(async_as_role)(demo="operator")

    async def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await client.patch(URL, {"on": True}, "application/json", headers=named)
        return int(answer.status_code)

    async with FakeWorker().running():
        assert await status(If_Match='"7", "1"') == 200
        assert await status(If_Match='"foreign"') == await status(If_Match='W/"1"') == 412
        assert await status(If_Match='"7", W/"1", "x"') == 412
        assert await status(If_Match='"1') == 400
        assert await status(If_None_Match="*") == await status(If_None_Match='W/"1"') == 412
        assert await status(If_None_Match='"2"') == 200
    assert (await client.get(URL, headers={"If-None-Match": 'W/"1", "9"'})).status_code == 304
    unchanged = await client.get(URL, headers={"If-None-Match": '"1"'})
    assert (unchanged.status_code, unchanged.content, unchanged["ETag"]) == (304, b"", '"1"')
    assert (await client.get(URL, headers={"If-None-Match": '"2"'})).status_code == 200
