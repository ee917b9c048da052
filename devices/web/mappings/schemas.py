"""The JSON of mappings: what requests must be, what answers are."""

from typing import Any

from ninja import Schema
from pydantic import Field as Member

from bridge.dialects.mapping.rules import NUMBERS, PayloadKind
from devices.web.api.schemas import Input

_PATH = "of json a pointer (/a/b), of pairs the key, of csv the column from 0, of a struct the byte from 0"


class FieldIn(Input):
    """One value in a payload."""

    metric: str
    path: str = Member("", description=_PATH)
    type: str = Member("", description=f"of a struct: {', '.join(NUMBERS)}")
    label: str = ""
    unit: str = ""
    scale: float = 1


class MappingIn(Input):
    """How topics of a pattern are read."""

    site: str = Member(examples=["home"])
    pattern: str = Member(
        description="{device} and {metric} stand for a level each, + for any", examples=["weather/{device}/{metric}"]
    )
    payload: PayloadKind
    device: str = Member("", description="its name, where the pattern has no {device}")
    metric: str = Member("", description="its name, where the pattern has no {metric} (number, text)")
    label: str = ""
    unit: str = Member("", examples=["°C"])
    scale: float = 1
    decimal: str = Member(".", description="`.` or `,`")
    words: dict[str, Any] = Member({}, description="what texts mean", examples=[{"on": True, "off": False}])
    fields: list[FieldIn] = Member([], description="none: all members of json, all pairs")
    separator: str = Member("", description="between pairs or columns")
    hex: bool = Member(default=False, description="a struct comes as hex digits")
    enabled: bool = True


class Mapping(MappingIn):
    """A mapping that is kept."""

    id: int
    created_by: str
    created_at: str


class Mappings(Schema):
    """All of them, at most 500."""

    items: list[Mapping]
    next: None


class Message(Input):
    """A message to try a rule with."""

    topic: str
    payload: str
    encoding: str = Member("utf8", description="utf8 or base64")


class PreviewIn(Input):
    """A rule that need not be kept, and what to try it with."""

    mapping: MappingIn
    messages: list[Message] | None = Member(None, description="null: the last messages heard that nobody took")


class Previewed(Schema):
    """What becomes of a message."""

    topic: str
    device: str
    metrics: dict[str, Any] | None = None
    reason: str | None = Member(None, description="why there are none")
    detail: str | None = None


class Preview(Schema):
    """Of the messages that the pattern matches, at most 200."""

    items: list[Previewed]
    next: None
