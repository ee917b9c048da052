"""What all classes of server frames have in common. Pure."""

from typing import Annotated

from msgspec import Meta, Struct

N = Annotated[int, Meta(ge=1, description="the frame's number in its connection: 1, 2, 3, …")]


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """What is decoded here has all its fields and no others."""
