"""What each role may do: the one table that pages, REST, the WebSocket and the admin ask."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

Capability = Literal[
    "devices.read",  # devices with their twins, readings, events, commands; quarantine; the live stream
    "devices.command",  # send and cancel commands
    "devices.desired",  # set desired state
    "quarantine.replay",  # carry quarantined messages out once more, or discard them
    "alerts.acknowledge",  # acknowledge, snooze, assign alerts, and say something about them
    "alerts.manage",  # say when there is one: alert rules, maintenance windows; of all sites, at all together
    "devices.manage",  # change tags and limits
    "devices.delete",  # delete devices with their history
    "boards.manage",  # make and revoke boards, screens that may see the site
    "mappings.manage",  # say how foreign topics are read; only at all sites together
    "handlers.manage",  # see handlers of apps, pause them, have them begin anew; only at all sites together
]
CAPABILITIES: Final[frozenset[str]] = frozenset(get_args(Capability))

_NONE: Final[frozenset[str]] = frozenset()
_VIEWER: Final[frozenset[str]] = frozenset({"devices.read"})
_OPERATOR: Final[frozenset[str]] = _VIEWER | {
    "devices.command", "devices.desired", "quarantine.replay", "alerts.acknowledge",
}  # fmt: skip
_ADMIN: Final[frozenset[str]] = _OPERATOR | {
    "devices.manage", "devices.delete", "boards.manage", "mappings.manage", "handlers.manage", "alerts.manage",
}  # fmt: skip

ROLES: Final[dict[str, frozenset[str]]] = {"viewer": _VIEWER, "operator": _OPERATOR, "admin": _ADMIN}
"""Role → capabilities; the weakest first, each has all of those before it."""


def capabilities_of(role: str) -> frozenset[str]:
    """What a role may do; one that nobody knows may nothing."""
    return ROLES.get(role, _NONE)


def strongest(roles: Iterable[str]) -> str | None:
    """The role of these that may most, or None for none."""
    held = set(roles)
    return next((role for role in reversed(ROLES) if role in held), None)


def weakest_with(capability: Capability) -> str:
    """The role that somebody needs at least who is to have a capability."""
    return next(role for role, held in ROLES.items() if capability in held)
