"""``python -m scripts.draw_house``: the folders and which imports which, into docs/images/house.svg.

Measured from the code's imports (by grimp, on which import-linter stands), laid out by the layers of the import
contracts: a folder imports only those below it, or to the right of it in its row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "docs" / "images" / "house.svg"
PACKAGES: Final = ("bridge", "causeway", "config", "devices", "mqtt_gateway", "runtime")

_WIDTH, _HEIGHT = 1080, 850
_LEFT_OUT: Final = {("config", "bridge"), ("config", "runtime"), ("causeway", "bridge")}  # these may import all below


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder stands, in pixels, what it is for, and its rooms in how many columns."""

    x: int
    y: int
    width: int
    height: int
    says: str
    columns: int = 3


# Rows are the layers of pyproject.toml's contracts.
PLACES: Final = {
    "config": Place(20, 16, 620, 84, "composition: settings, ASGI, URLs, the demo"),
    "causeway": Place(660, 120, 400, 84, "the public face for other people's Django apps"),
    "mqtt_gateway": Place(20, 270, 250, 410, "the broker bank: all that speaks MQTT", 1),
    "devices": Place(300, 270, 760, 410, "the browser bank", 0),
    "devices.web": Place(320, 316, 320, 178, "pages, REST, WebSocket", 2),
    "devices.handlers": Place(320, 504, 320, 54, "what other people's code is handed"),
    "devices.worker": Place(660, 316, 380, 216, "the single writer of a shard's devices"),
    "devices.requests": Place(320, 572, 220, 84, "what others may ask of a device"),
    "devices.models": Place(570, 572, 220, 84, "tables"),
    "devices.rules": Place(820, 572, 220, 84, "pure: twins, presence, commands"),
    "bridge": Place(20, 730, 500, 100, "pure: vocabulary and rules that both banks share"),
    "runtime": Place(560, 730, 500, 100, "what every process runs on; knows no domain"),
}

_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.name { font-weight: 600; font-size: 15px }
.says { fill: #57606a }
.folder { fill: #f6f8fa; stroke: #57606a }
.room { fill: #ffffff; stroke: #c3cbd3 }
.line { stroke: #0969da; stroke-width: 2; fill: none; opacity: .5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .says { fill: #9da7b3 } .folder { fill: #161b22; stroke: #8b949e }
  .room { fill: #0d1117; stroke: #484f58 } .line { stroke: #58a6ff }
}
"""


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture())


def picture() -> str:
    """The picture as SVG."""
    folders = [part for name, place in PLACES.items() for part in _folder(name, place)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="The folders, and which imports which">\n<style>{_STYLE}</style>\n'
        + "\n".join([*folders, *_lines()])
        + "\n</svg>\n"
    )


def arrows() -> set[tuple[str, str]]:
    """Which folder imports which; devices' own folders among each other."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found = {
        _ends(module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {ends for ends in found if ends[0] != ends[1] and all(ends)} - _LEFT_OUT


def _ends(module: str, imported: str) -> tuple[str, str]:
    above, below = (name.partition(".")[0] for name in (module, imported))
    return (_room_of(module), _room_of(imported)) if above == below == "devices" else (above, below)


def _room_of(module: str) -> str:
    return next((name for name in PLACES if "." in name and f"{module}.".startswith(f"{name}.")), "")


def _lines() -> Iterator[str]:
    for above, below in sorted(arrows()):
        a, b = PLACES[above], PLACES[below]
        x1, y1, x2, y2 = a.x + a.width // 2, a.y + a.height, b.x + b.width // 2, b.y
        middle = (y1 + y2) // 2
        if y1 > y2:  # side by side
            y2, middle = b.y + b.height, y1 + 30
        curve = f"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}"
        yield f'<path class="line" d="{curve}"><title>{above} imports {below}</title></path>'


def _folder(name: str, place: Place) -> Iterator[str]:
    folder = ROOT / name.replace(".", "/")
    yield f'<rect class="folder" rx="8" x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}"/>'
    yield _text("name", place.x + 12, place.y + 22, name.replace(".", "/"))
    yield _text("says", place.x + 12, place.y + 40, place.says)
    rooms = sorted(path.name for path in folder.iterdir() if _is_room(path)) if place.columns else []
    room_width = (place.width - 12 - 8 * place.columns) // max(1, place.columns)
    for nth, room in enumerate(rooms):
        x = place.x + 10 + (nth % place.columns) * (room_width + 8)
        y = place.y + 50 + (nth // place.columns) * 32
        yield f'<rect class="room" rx="4" x="{x}" y="{y}" width="{room_width}" height="26"/>'
        yield _text("room-name", x + 8, y + 17, room)


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _is_room(path: Path) -> bool:
    return (path / "__init__.py").exists() and path.name not in {"migrations", "management"}


if __name__ == "__main__":
    main()
