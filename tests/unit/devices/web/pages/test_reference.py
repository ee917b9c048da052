"""The API's reference for people: all that the document says, as a page that leads nowhere else."""

import re

import pytest
from django.test import Client

from devices.web.api.app import api
from devices.web.pages.reference import inline, paragraphs, type_of


@pytest.fixture(scope="module")
def page() -> str:
    answer = Client().get("/api/v1/docs")
    assert answer.status_code == 200
    assert "csrftoken" in answer.cookies
    return answer.content.decode()


def test_every_operation_and_type_stands_there(page: str) -> None:
    document = api.get_openapi_schema()
    operations = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    ids = re.findall(r'<article class="entry" id="([^"]+)"', page)
    assert sorted(ids) == sorted([*operations, *document["components"]["schemas"]])
    assert len(ids) == len(set(ids))


def test_every_link_within_it_leads_somewhere(page: str) -> None:
    ids = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_it_runs_no_script_and_has_a_way_back(page: str) -> None:
    assert "<script" not in page
    assert '<a href="/">Back to the fleet</a>' in page
    assert '<a href="/api/v1/openapi.json">' in page
    assert '<a href="/api/v1/asyncapi.json">' in page


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"$ref": "#/components/schemas/Device"}, '<a href="#Device">Device</a>'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({"enum": ["a<b", 1]}, "<code>&quot;a&lt;b&quot;</code> | <code>1</code>"),
        ({"const": "x"}, "<code>&quot;x&quot;</code>"),
        ({}, "any JSON"),
    ],
)
def test_types_are_said_in_words(schema: dict[str, object], text: str) -> None:
    assert type_of(schema) == text


def test_docstrings_become_paragraphs_and_lists() -> None:
    found = paragraphs("One\nsentence.\n\n- a ``b``\n- c\n  d\n\nLast.")
    assert found == [{"text": "One sentence."}, {"points": ["a <code>b</code>", "c d"]}, {"text": "Last."}]
    assert inline("<script>`x`") == "&lt;script&gt;<code>x</code>"
