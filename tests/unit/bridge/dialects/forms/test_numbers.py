"""Numbers in texts."""

import math

import pytest

from bridge.dialects.forms.numbers import is_no_number, number_in, within, written


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("21.5", 21.5),
        ("-3", -3),
        ("1e3", 1000.0),
        ("+.5", 0.5),
        ("7.", 7.0),
        ("9" * 30, int("9" * 30)),
        ("1e999", math.inf),
    ],
)
def test_a_number(text: str, number: float) -> None:
    assert number_in(text) == number
    assert type(number_in(text)) is type(number)


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_000", "0x1f", "nan", "inf", "٣", "1,5", "-", ".", "1e", "9" * 5000]
)
def test_no_number(text: str) -> None:
    assert number_in(text) is None


def test_a_gap_in_words() -> None:
    assert is_no_number("NaN")
    assert not is_no_number("none")


def test_a_range_may_be_open() -> None:
    assert within(3, None, 3)
    assert not within(3.1, None, 3)
    assert not within(math.nan, None, None)


@pytest.mark.parametrize("value", [40, 40.0, 87.5, -0.1, 1e300, 2**60])
def test_what_is_written_is_read_again(value: float) -> None:
    assert number_in(written(value)) == value


def test_whole_numbers_have_no_point() -> None:
    assert (written(40.0), written(87.5)) == ("40", "87.5")
