"""What a program is told while it follows devices. Times named ``ts`` and ``since`` are Unix milliseconds. Pure."""

from dataclasses import dataclass
from typing import Any

Frame = dict[str, Any]
"""A frame of docs/websocket.md."""

State = dict[str, Any]
"""A device: ``rev``, ``metrics`` (name → ``{"value": …, "ts": …}``), ``reported``, ``desired``, ``desired_version``,
``presence`` (``{"status": …, "since": …, "why": …}``), ``tags``; ``description`` where anything is known
of what it is. Never changed in place: keep one, and it stays."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The truth about a device anew; it replaces what was known."""

    device: str
    state: State
    reason: str  # "subscribe", "new", "too_far" or "reset"
    missed: bool  # it was followed before, and changes of it were not told


@dataclass(frozen=True, slots=True)
class Delta:
    """Something of a device changed."""

    device: str
    state: State
    readings: list[dict[str, Any]]  # all new ones, in order, also those too old to become the latest value


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at a device."""

    device: str
    state: State
    rev: int
    name: str
    data: Any
    ts: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A device was deleted, or is no longer visible to this user."""

    device: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Devices that were asked for by name and do not exist, or may not be seen by this user."""

    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Complete:
    """Everything that there was at first has been shown. Comes once."""


@dataclass(frozen=True, slots=True)
class Command:
    """A step of a command on a followed device: the whole command, with its ``status`` and ``timeline``."""

    device: str
    command: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """A step of an alert on a followed device: the whole alert, with its ``state``."""

    device: str
    alert: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """What the server sees of each part: ``"up"``, ``"down"``, or ``"unknown"`` where it can't see it.

    ``fresh``: values from devices reach it, measured from end to end.
    """

    broker: str
    workers: str
    since: int
    gateway: str = "unknown"
    layer: str = "unknown"
    database: str = "unknown"
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """The server is out of reach: what is known is as of now, and it is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The outage is over; what changed meanwhile follows."""

    away_s: float


Change = Snapshot | Delta | Event | Gone | Refused | Complete | Command | Alert | Link | Outage | Resumed
