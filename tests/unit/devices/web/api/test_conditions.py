"""Entity tags as RFC 9110 writes them."""

import pytest

from devices.requests.refusals import BadRequestError
from devices.web.api.conditions import Tags, tags_of


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"3"', Tags(frozenset({"3"}))),
        ("3", Tags(frozenset({"3"}))),
        (" 0 ", Tags(frozenset({"0"}))),
        ("*", Tags(any=True)),
        ('W/"3"', Tags(weak=frozenset({"3"}))),
        (', "3",, W/"4" ,"x,y",', Tags(frozenset({"3", "x,y"}), frozenset({"4"}))),
        ('""', Tags(frozenset({""}))),
    ],
)
def test_case_g13_tags_and_lists_of_them(header: str, tags: Tags) -> None:
    assert tags_of("If-Match", header) == tags


@pytest.mark.parametrize("header", ["", ",", '"', '"3" "4"', "-1", "x", "1.5", "³", "1" * 30, 'w/"3"', '"3", *', "*,*"])
def test_case_g13_what_is_no_tag(header: str) -> None:
    with pytest.raises(BadRequestError, match="If-Match: write"):
        tags_of("If-Match", header)


def test_case_g13_a_long_header_takes_no_long_time() -> None:
    with pytest.raises(BadRequestError):
        tags_of("If-Match", '"a",' * 5_000 + "x")
    with pytest.raises(BadRequestError):
        tags_of("If-Match", ", " * 2_000 + "x")


def test_case_g13_only_strong_tags_match_strongly() -> None:
    assert Tags(frozenset({"3"})).match_strongly(3)
    assert not Tags(weak=frozenset({"3"})).match_strongly(3)
    assert Tags(weak=frozenset({"3"})).match_weakly(3)
    assert Tags(any=True).match_strongly(3)
