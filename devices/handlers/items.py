"""What a handler is handed, one kind of thing that happens to devices each. Pure; apps import them from ``causeway``.

``device`` is always a device's key, ``site/device``. Items of one device come in the order in which they happened.
``key`` names an item for good: it is the same whenever the item is handed out again, and no other item of any kind
has it. So whoever does something outside of the database can tell by it what is done already. Each rev of a device's
key belongs to one reading or one change, and revs never restart, not even after a deletion.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, structs

from bridge.observations import Scalar


class _Item(Struct, frozen=True, kw_only=True):
    """What all have in common."""

    commit: int = 0  # the number, in its device's shard, of the transaction that it was part of; 0: it is not known


class _ItemOfARev(_Item, frozen=True):
    """One that took a rev of its device."""

    device: str
    rev: int

    @property
    def key(self) -> str:
        """Stays the same over repeats."""
        return f"{type(self).__name__.lower()}:{self.device}@{self.rev}"


class Reading(_ItemOfARev, frozen=True):
    """What a device has measured at one time. From the history of before a handler began, ``commit`` is 0."""

    ts: int  # Unix ms, by the time rule: the device's time, or that of reception
    received_at: datetime  # with zone; at the gateway
    metrics: dict[str, Scalar]
    value: Scalar = None  # of the one metric that the handler asked for; None where it asked for none

    def of_metric(self, metric: str) -> "Reading | None":
        """The same with ``value`` set to that of a metric; None if it says nothing of it. A gap (null) is a value."""
        return structs.replace(self, value=self.metrics[metric]) if metric in self.metrics else None


class Event(_ItemOfARev, frozen=True):
    """What a device has published under ``event/NAME``."""

    name: str
    data: Any  # a JSON value
    ts: int  # Unix ms


class Presence(_ItemOfARev, frozen=True):
    """Whether a device is there has changed."""

    status: str  # online, offline, stale, unknown
    since: int  # Unix ms
    why: str  # a devices.rules.twin.Why


class _DocumentItem(_ItemOfARev, frozen=True):
    """A change of a JSON document of a device's."""

    patch: dict[str, Any]  # what has changed, as a merge patch (RFC 7396)
    document: dict[str, Any]  # all of it after this change


class Reported(_DocumentItem, frozen=True):
    """A device says that its state has changed."""


class Desired(_DocumentItem, frozen=True):
    """Somebody wants a device's state to be another."""


class CommandStep(_Item, frozen=True):
    """A command has come a step further. Each command comes to each status once at most."""

    device: str
    id: str  # the command's, a UUID
    name: str  # the command's
    status: str  # accepted, sent, delivered, done, rejected, failed, expired, cancelled, unconfirmed
    at: datetime  # with zone

    @property
    def key(self) -> str:
        """Stays the same over repeats."""
        return f"commandstep:{self.id}:{self.status}"


class AlertStep(_Item, frozen=True):
    """An alert was raised, cleared, counted once more, or somebody did something to it. In order for each alert."""

    device: str
    id: str  # the alert's, a UUID
    rule: int  # the alert rule's id
    name: str  # the rule's
    step: str  # raised, counted, cleared, acknowledged, snoozed, commented, assigned
    state: str  # firing, acknowledged, resolved
    severity: str  # info, warning, critical
    metric: str | None  # that the rule is about; None: none, or several
    value: Scalar  # at the latest raise
    count: int  # raises, of one that flaps
    raised: int  # Unix ms, as the next one
    at: int  # of this step, by the device's time where it follows from what that has sent
    inhibited_by: str | None  # another alert, which says more
    nth: int = 0  # among the changes of its commit

    @property
    def key(self) -> str:
        """Stays the same over repeats: an alert is raised and cleared once, all else as often as it is done."""
        once = self.step in ("raised", "cleared")
        return (
            f"alertstep:{self.id}:{self.step}" if once else f"alertstep:{self.id}:{self.step}@{self.commit}.{self.nth}"
        )


class _LifeItem(_Item, frozen=True):
    """The begin or the end of a device."""

    device: str

    @property
    def key(self) -> str:
        """Stays the same over repeats: a key's device comes, or goes, once in a transaction."""
        return f"{type(self).__name__.lower()}:{self.device}@{self.commit}"


class Registered(_LifeItem, frozen=True):
    """A device came to be: by what it published, or because somebody asked for it."""


class Deleted(_LifeItem, frozen=True):
    """A device was deleted. Its readings and events go with it; what was handed out before is not taken back."""


Item = Reading | Event | Presence | Reported | Desired | CommandStep | AlertStep | Registered | Deleted
Kind = type[Item]

KINDS: Final[Mapping[str, Kind]] = {
    kind.__name__: kind
    for kind in (Reading, Event, Presence, Reported, Desired, CommandStep, AlertStep, Registered, Deleted)
}
"""All kinds by name."""
