"""Descriptions of pages."""

from typing import Any

import pytest

from devices.rules.pages import Page

FIELDS: dict[str, Any] = {
    "name": "plants",
    "title": "Plants",
    "path": "plants",
    "template": "plants/page.html",
    "modules": "plants",
}


def test_a_page_without_parameters_stands_in_the_navigation() -> None:
    assert Page(**FIELDS).in_navigation
    assert not Page(**FIELDS | {"path": "plants/<name:site>"}).in_navigation


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capability", "plants.water"),
        ("title", ""),
        ("template", ""),
        ("path", "/plants"),
        ("path", "api/plants"),
        ("path", "login"),
        ("modules", ""),
        ("modules", "/plants"),
        ("modules", "../plants"),
        ("modules", "plants/page.js"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{field}"):
        Page(**FIELDS | {field: value})
