"""What is made of the typed server frames is what is committed, and what is written by hand beside it fits."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from devices.rules.twin import Status, Why
from devices.web.live.stream.changes import Reason
from devices.web.live.stream.server_frames import ErrorCode, Id
from scripts import server_frames


@pytest.mark.parametrize("path", server_frames.files(), ids=lambda path: path.name)
def test_what_is_committed_is_what_is_made(path: Path) -> None:
    assert path.read_text() == server_frames.files()[path], "make it again: python -m scripts.server_frames"


def names_in(heading: str) -> set[str]:
    """The names in the first column of the table of docs/websocket.md with this heading."""
    rows = server_frames.PAGE.read_text().partition(f"\n| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}


@pytest.mark.parametrize(
    ("heading", "values"),
    [("`reason`", Reason), ("`why`", Why), ("error code", ErrorCode)],
    ids=["reason", "why", "code"],
)
def test_tables_written_by_hand_name_all_there_is(heading: str, values: Any) -> None:
    assert names_in(heading) == set(get_args(values))


def test_every_presence_is_explained() -> None:
    text = server_frames.PAGE.read_text().partition("**Presence** is")[2].partition("\n\n")[0]
    assert set(get_args(Status)) <= set(re.findall(r"`(\w+)`", text))


class Part(Struct):
    """Something
    in a frame.
    """

    device: str
    found: list["Inner"]
    sizes: dict[str, int | None] | UnsetType = UNSET
    colour: Annotated[Literal["red", "blue"] | UnsetType, Meta(description="as painted")] = UNSET
    sub: Id | UnsetType = UNSET
    more: Any = None


class Inner(Struct):
    """Deeper."""

    data: dict[str, Any]


def test_types_are_said_in_the_words_of_typescript() -> None:
    assert [(one.name, one.type, one.optional, one.about) for one in server_frames.fields(Part)] == [
        ("device", "string", False, ""),
        ("found", "Inner[]", False, ""),
        ("sizes", "{[name: string]: number | null}", True, ""),
        ("colour", '"red" | "blue"', True, "as painted"),
        ("sub", "Id", True, ""),
        ("more", "Json", True, ""),
    ]
    assert server_frames.type_text(dict[str, Any]) == "JsonObject"


def test_only_what_lies_between_the_marks_is_written() -> None:
    text = "before\n# x: made by scripts/server_frames.py\nold\n# end of x\nafter\n"
    assert server_frames.written(text, {"x": "new\nlines"}, "# ", "") == text.replace("old", "new\nlines")
    with pytest.raises(ValueError, match="marks of y"):
        server_frames.written(text, {"y": ""}, "# ", "")
