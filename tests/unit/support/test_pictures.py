"""Which pictures of a page are alike."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tests.support.pictures.difference import difference


def page(
    *, left: int = 24, colour: str = "teal", words: str = "Send", size: tuple[int, int] = (320, 200)
) -> Image.Image:
    drawn = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((left, 40, left + 90, 70), fill=colour)
    draw.text((left + 20, 50), words, fill="white")
    draw.text((24, 100), "Nothing has come yet.", fill="black")
    return drawn


def test_a_picture_is_like_itself() -> None:
    assert difference(page(), page()) is None


def test_letters_that_are_smoothed_otherwise_are_no_difference() -> None:
    smoothed = page().filter(ImageFilter.GaussianBlur(0.4))
    assert ImageChops.difference(page(), smoothed).getbbox()
    assert difference(page(), smoothed) is None


@pytest.mark.parametrize("new", [page(left=28), page(colour="crimson"), page(words="Delete"), page(colour="#2aa0a0")])
def test_what_moves_or_changes_is_framed(new: Image.Image) -> None:
    found = difference(page(), new)
    assert found
    assert "tiles differ" in found.words
    assert ImageChops.difference(found.shown, new).getbbox()


def test_another_size_is_a_difference() -> None:
    found = difference(page(), page(size=(336, 200)))
    assert found
    assert found.words == "it is 336 × 200 pixels, and was 320 × 200"
