"""Writes what is made of devices/web/live/stream/server_frames.py: tables of docs/websocket.md, types of types.js.

Usage: python -m scripts.server_frames
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, UnsetType

from bridge.observations import Scalar
from devices.rules.commands import Status as CommandStatus
from devices.rules.twin import Status as PresenceStatus
from devices.rules.twin import Why
from devices.web.live.stream.changes import Reason
from devices.web.live.stream.server_frames import FRAMES, PARTS, ErrorCode, Id

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "websocket.md"
TYPES: Final = ROOT / "devices" / "web" / "static" / "causeway" / "client" / "types.js"

# Types with a name of their own.
_ALIASES: Final[tuple[tuple[Any, str], ...]] = (
    (Scalar, "Scalar"),
    (PresenceStatus, "PresenceStatus"),
    (CommandStatus, "CommandStatus"),
    (ErrorCode, "ErrorCode"),
    (Reason, "SnapshotReason"),
)
_WORDS: Final[tuple[tuple[Any, str], ...]] = (
    (Id, "Id"),
    (Id | None, "Id | null"),
    (Why, "string"),  # others may come
)
_PLAIN: Final = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "Json"}


class Field(Struct, frozen=True):
    """One field of a frame or of a part of one."""

    name: str
    type: str  # in TypeScript's words
    optional: bool
    about: str


def fields(cls: type[Struct]) -> list[Field]:
    """The fields of a class, in the order in which they are sent."""
    hints = get_type_hints(cls, include_extras=True)
    return [
        Field(one.name, type_text(hints[one.name]), not one.required, _about(hints[one.name]))
        for one in msgspec.structs.fields(cls)
    ]


def type_text(found: Any) -> str:
    """A type in TypeScript's words."""
    for known, name in (*_ALIASES, *_WORDS):
        if found == known:
            return name
    return _type_text(found)


def _type_text(found: Any) -> str:
    origin, args = get_origin(found), get_args(found)
    if origin is Annotated:
        return type_text(args[0])
    if origin in (UnionType, Union):
        kept = tuple(arg for arg in args if arg is not UnsetType)
        return " | ".join(map(type_text, kept)) if kept == args else type_text(reduce(or_, kept))
    if origin is Literal:
        return " | ".join(f'"{arg}"' for arg in args)
    if origin is list:
        return f"{type_text(args[0])}[]"
    if origin is dict:
        return "JsonObject" if args[1] is Any else f"{{[name: string]: {type_text(args[1])}}}"
    if isinstance(found, type) and issubclass(found, Struct):
        return found.__name__
    return _PLAIN[found]


def _about(found: Any) -> str:
    """The outermost description of an annotated type."""
    metas = [arg for arg in getattr(found, "__metadata__", ()) if isinstance(arg, Meta) and arg.description]
    if metas:
        return metas[-1].description or ""
    inner = [arg for arg in get_args(found) if get_origin(arg) is Annotated]
    return _about(inner[0]) if inner else ""


# docs/websocket.md -----------------------------------------------------------------------------------------------


def frames_table() -> str:
    """A row for each frame."""
    return _table("frame", FRAMES)


def parts_table() -> str:
    """A row for each kind of object in the frames."""
    return _table("part", {part.__name__: part for part in PARTS})


def _table(title: str, classes: Mapping[str, type[Struct]]) -> str:
    rows = [f"| {title} | fields | |", "| --- | --- | --- |"]
    for name, cls in classes.items():
        cells = [_cell(one) for one in fields(cls) if one.name not in {"n", "type"}]
        rows.append(f"| `{name}` | {', '.join(cells)} | {_sentence(cls)} |")
    return "\n".join(rows)


def _cell(field: Field) -> str:
    about = f" ({field.about})" if field.about else ""
    return f"`{field.name}{'?' if field.optional else ''}: {field.type.replace(' | ', ' or ')}`{about}"


# types.js --------------------------------------------------------------------------------------------------------


def types() -> str:
    """The typedefs of a JSDoc comment."""
    aliases = [f"@typedef {{{_type_text(known)}}} {name}" for known, name in _ALIASES]
    aliases.append("@typedef {string} Id  of a request; ours are texts, so what we are answered is, too")
    blocks = ["\n".join(aliases), *("\n".join(_typedef(cls)) for cls in (*PARTS, *FRAMES.values()))]
    streams = " | ".join(FRAMES[kind].__name__ for kind in ("snapshot", "delta", "event", "gone"))
    every = " | ".join(cls.__name__ for cls in FRAMES.values())
    blocks.append(f"@typedef {{{streams}}} StreamFrame\n@typedef {{{every}}} ServerFrame")
    lines = "\n\n".join(blocks).splitlines()
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"])


def _typedef(cls: type[Struct]) -> Iterator[str]:
    yield f"@typedef {{object}} {cls.__name__}  {_sentence(cls)}"
    for one in fields(cls):
        name = f"[{one.name}]" if one.optional else one.name
        yield f"@property {{{one.type}}} {name}  {one.about}".rstrip()


def _sentence(cls: type[Struct]) -> str:
    return " ".join((cls.__doc__ or "").split())


# Files -----------------------------------------------------------------------------------------------------------


def written(text: str, made: Mapping[str, str], opening: str, closing: str) -> str:
    """A file's text with each part between its two marks made anew.

    Raises:
        ValueError: a mark is not there.
    """
    for name, part in made.items():
        begin, end = f"{opening}{name}: made by scripts/server_frames.py{closing}\n", f"{opening}end of {name}{closing}"
        before, found, rest = text.partition(begin)
        _, also, after = rest.partition(end)
        if not (found and also):
            raise ValueError(f"the marks of {name} are missing")
        text = f"{before}{begin}{part}\n{end}{after}"
    return text


def files() -> dict[Path, str]:
    """What each file should hold."""
    tables = {"frames": frames_table(), "parts": parts_table()}
    return {
        PAGE: written(PAGE.read_text(), tables, "<!-- ", " -->"),
        TYPES: written(TYPES.read_text(), {"frames": types()}, "// ", ""),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
