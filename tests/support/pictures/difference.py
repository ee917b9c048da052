"""Where two pictures differ as an eye would see it: by the mean colour of small tiles.

Each version of a browser smooths the edges of letters a little differently, which changes many pixels and no tile by
much. What moved, came, went or has another colour changes some tile by a lot.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw

TILE_PX: Final = 8
MOST: Final = 16
"""Of 255: what the mean of a tile may differ by, in the colour channel where it differs most."""


@dataclass(frozen=True)
class Difference:
    """What differs: in words, and as a picture of the new one with frames around it."""

    words: str
    shown: Image.Image


def difference(kept: Image.Image, new: Image.Image) -> Difference | None:
    """Where `new` is not as `kept` is; None: nowhere."""
    kept, new = kept.convert("RGB"), new.convert("RGB")
    if kept.width != new.width or abs(kept.height - new.height) >= TILE_PX:
        return Difference(f"it is {new.width} × {new.height} pixels, and was {kept.width} × {kept.height}", new)
    size = (-(-kept.width // TILE_PX), -(-min(kept.height, new.height) // TILE_PX))
    tiles = ImageChops.difference(_tiles(kept, size), _tiles(new, size))
    red, green, blue = tiles.split()
    worst = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda value: 255 if value > MOST else 0)
    box = worst.getbbox()
    if box is None:
        return None
    around = tuple(edge * TILE_PX for edge in box)
    count = worst.histogram()[255]
    return Difference(f"{count} tiles differ, within {around} (left, top, right, bottom)", _framed(new, worst))


def _tiles(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    whole = picture.crop((0, 0, size[0] * TILE_PX, size[1] * TILE_PX))
    return whole.resize(size, Image.Resampling.BOX)


def _framed(picture: Image.Image, tiles: Image.Image) -> Image.Image:
    shown = picture.copy()
    draw = ImageDraw.Draw(shown)
    for nth, value in enumerate(tiles.tobytes()):
        if value:
            left, top = nth % tiles.width * TILE_PX, nth // tiles.width * TILE_PX
            draw.rectangle((left - 1, top - 1, left + TILE_PX, top + TILE_PX), outline=(255, 0, 160))
    return shown
