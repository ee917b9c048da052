"""What is observed of a device, and what is remembered of a rule there."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from bridge.observations import Scalar
from devices.rules.twin import Status

# What is observed ------------------------------------------------------------------------------------------------


class Values(Struct, frozen=True):
    """A reading."""

    at: int  # Unix ms, the reading's own
    metrics: Mapping[str, Scalar]


class PresenceBecame(Struct, frozen=True):
    """Whether the device is there has changed."""

    at: int  # Unix ms, when we took it so
    status: Status
    since: int  # Unix ms, since when it is so
    link_down: bool = False  # it is unknown because our own link is down


class Happened(Struct, frozen=True):
    """An event."""

    at: int
    name: str


class Resumed(Struct, frozen=True):
    """From here on it could be heard again: silence counts from here."""

    at: int


class Passed(Struct, frozen=True):
    """It has become so late, and all that came before is observed."""

    at: int


Observation = Values | PresenceBecame | Happened | Resumed | Passed


class Kept(Struct, frozen=True, array_like=True):
    """What must outlast a restart. Unix ms."""

    since: int | None = None  # the condition holds since then, and no alert is raised yet
    raised: int | None = None  # the alert fires since then
    over: int | None = None  # it fires still, and the condition holds no longer since then
    count: int = 0  # its raises
    flaps: bool = False
    recent: tuple[int, ...] = ()  # the last raises, of this and former alerts, as far as flapping minds them


QUIET: Final = Kept()
Holds = int | Literal[False] | None  # since when a condition holds; False: it does not; None: nothing is said of it


class State(Struct, frozen=True):
    """All that is known of a rule at a device. What is not ``kept`` can be told from the twin again."""

    kept: Kept = QUIET
    latest: Mapping[str, tuple[Scalar, int]] = {}  # the metrics that matter, each with its time
    heard: int = 0  # of no data: when the last came; 0: none ever did, so none is missed
    resumed: int = 0  # silence counts from here on at the earliest
    status: str = ""  # of a presence
    dark: int | None = None  # nothing is known of the device since then
