"""What devices are, over HTTP: a person's words, versions as ETags, and what is wrong with them by field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from devices.web.device.descriptions import description_schema
from tests.support.worlds.fake_worker import FakeWorker, set_twin

URL = "/api/v1/devices/demo/lamp/description"
ROOT = Path(__file__).resolve().parents[5]


async def test_a_person_says_what_it_is_and_takes_that_back(async_as_role: Callable[..., AsyncClient]) -> None:
    await sync_to_async(set_twin)("demo/lamp")
    client = await sync_to_async(async_as_role)(demo="admin")

    async def put(body: Any, **headers: str) -> Any:
        return await client.put(URL, body, "application/json", headers=headers)

    async with FakeWorker().running():
        empty = await client.get(URL)
        assert (empty.status_code, empty.json(), empty["ETag"]) == (200, {}, '"0"')
        answer = await put({"name": "Lamp", "properties": [{"metric": "t", "unit": "°C"}]})
        assert (answer.status_code, answer["ETag"]) == (200, '"1"')
        said = {
            "name": "Lamp",
            "set_by": {"name": "person"},
            "properties": [{"metric": "t", "unit": "°C", "set_by": "person"}],
        }
        assert answer.json() == said
        read = await client.get(URL, headers={"If-None-Match": '"1"'})
        assert (read.status_code, read["ETag"]) == (304, '"1"')
        assert (await client.get("/api/v1/devices/demo/lamp")).json()["description"] == said
        again = await put(said, **{"If-Match": '"1"'})
        assert (again.status_code, again["ETag"]) == (200, '"1"'), "what was read may be sent back; nothing changed"
        assert (await put({"name": "x"}, **{"If-Match": '"7"'})).status_code == 412
        assert (await put({"name": "x"}, **{"If-None-Match": "*"})).status_code == 412
        back = await put({"name": None, "properties": None})
        assert (back.json(), back["ETag"]) == ({}, '"2"')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 7}, "name"),
        ({"colour": "red"}, "colour"),
        ({"properties": [{"metric": "t", "kind": "nunber"}]}, "properties.0.kind"),
        ({"stale_after_s": -1}, "stale_after_s"),
        ({"via": "demo/lamp"}, "via"),
    ],
)
def test_what_is_wrong_is_answered_with_422_by_its_field(as_role: Callable[..., Client], body: Any, field: str) -> None:
    set_twin("demo/lamp")
    answer = as_role(demo="admin").put(URL, body, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert [one["name"] for one in answer.json()["errors"]] == [field]
    assert field in answer.json()["detail"]


def test_viewers_and_operators_may_read_only(as_role: Callable[..., Client]) -> None:
    set_twin("demo/lamp")
    client = as_role(demo="operator")
    assert client.put(URL, {"name": "x"}, "application/json").status_code == 403
    assert client.get(URL).status_code == 200
    assert client.get("/api/v1/devices/demo/none/description").status_code == 404


def test_its_json_schema_is_published(as_role: Callable[..., Client]) -> None:
    published = json.loads((ROOT / "docs" / "description.schema.json").read_text())
    assert published == description_schema() == as_role(demo="viewer").get("/api/v1/description.schema.json").json()
    assert published["properties"]["properties"]
