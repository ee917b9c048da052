"""Desired state over HTTP: merge patches, versions as ETags."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from devices.requests.refusals import BadRequestError
from devices.rules.requested import set_desired
from devices.web.api.desired import version_of
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
            assert answer.json()["detail"] == "desired is at version 2, not 1"
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


@pytest.mark.parametrize(("header", "version"), [('"3"', 3), ("3", 3), (" 0 ", 0), ("*", None)])
def test_versions(header: str, version: int | None) -> None:
    assert version_of(header) == version


@pytest.mark.parametrize("header", ["", '"', 'W/"3"', '"3", "4"', "-1", "x", "1.5", "³", "1" * 30])
def test_no_versions(header: str) -> None:
    with pytest.raises(BadRequestError):
        version_of(header)
