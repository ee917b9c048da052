"""The frame that says who attends a place, typed as those of server_frames.py. Pure."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from devices.web.live.stream.strict import N, Strict


class AttendingPerson(Strict, frozen=True):
    """Somebody who attends a place, whatever number of sockets they do it by."""

    user: str
    doing: Annotated[
        Literal["viewing", "editing", "commanding"], Meta(description="the strongest of what they do there")
    ]
    since: Annotated[int, Meta(description="they are there")]


class PeopleFrame(Strict, frozen=True):
    """Who attends a place that you attend: you too, and who may see the place. Empty: you attend it no longer."""

    n: N
    type: Literal["people"]
    place: str
    people: Annotated[list[AttendingPerson], Meta(description="at most 100")]
    count: Annotated[int | UnsetType, Meta(description="how many there are, where that is more than 100")] = UNSET
