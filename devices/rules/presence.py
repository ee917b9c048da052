"""Presence: whether a device is there, since when, and how we know. All its transitions live here.

Nothing is claimed that we cannot know. ``offline`` is shown only for a will that our link outlived, because a broker
that goes down publishes every will; and what came across an outage may be old.

    what happens ("why")             from                          becomes
    birth         live online        any                           online
    message       another live one   any                           online
    replayed      late online        any                           online
                  late message       any but online                online
    outage        late offline       any but offline               unknown
                  will, link lost    any but offline               unknown
    will          will, confirmed    any                           offline
    retained      retained           any, if never heard           unknown
    silence       too long           online                        stale
    doubted       who speaks for it    any but unknown              unknown
                  lost sight of it
    unconfirmed   nothing live for   online, as it was replayed    unknown
                  CONFIRM_MS
    link_down     our link is gone   online, offline, stale        unknown
    (link back    and drained        unknown by link_down          what it was, if nothing came meanwhile)

A live ``offline`` changes nothing yet: it waits in ``TwinState.unconfirmed`` until the gateway that received it has
got back a message which it published later over the same connection (then the will is confirmed), or has lost that
connection. Whatever else comes from the device first ends the wait.

*Late* is what the broker had for us before the present connection; *drained* the time up to which all that the broker
had is applied. ``since`` is the time of what changed the status; news that only change why we believe it leave it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct, structs

from devices.rules.clocks import AHEAD_MS
from devices.rules.twin import Presence, Status, TwinState, Unconfirmed, Why

CONFIRM_MS: Final = 60_000  # of drained time

_ANY: Final[frozenset[Status]] = frozenset({"online", "offline", "stale", "unknown"})
# What happens → what it makes of a device, and of which. ``retained``: see status_kept.
_TRANSITIONS: Final[dict[Why, tuple[Status, frozenset[Status]]]] = {
    "birth": ("online", _ANY),
    "message": ("online", _ANY),
    "replayed": ("online", _ANY),
    "outage": ("unknown", _ANY - {"offline"}),
    "will": ("offline", _ANY),
    "doubted": ("unknown", _ANY - {"unknown"}),
    "silence": ("stale", frozenset({"online"})),
    "unconfirmed": ("unknown", frozenset({"online"})),
    "link_down": ("unknown", frozenset({"online", "offline", "stale"})),
}
_DOUBTED: Final[frozenset[Why]] = frozenset({"retained", "replayed"})


# What devices and the broker say ---------------------------------------------------------------------------------


def status_reported(twin: TwinState, at_ms: int, *, online: bool, gateway: str) -> None:
    """A live status: a birth, or an ``offline`` which waits for its confirmation.

    Args:
        twin: the device's.
        at_ms: Unix ms at the gateway.
        online: or offline.
        gateway: MQTT client id of the one that received it.
    """
    _heard(twin, at_ms)
    if online:
        _happens(twin, "birth", at_ms)
    elif _known_status(twin) != "offline":
        twin.unconfirmed = Unconfirmed(at_ms, gateway)


def status_replayed(twin: TwinState, at_ms: int, *, online: bool) -> None:
    """A status that came across an outage."""
    _heard(twin, at_ms)
    if online:
        _happens(twin, "replayed", at_ms)
    elif _known_status(twin) != "offline":
        _happens(twin, "outage", at_ms)


def status_kept(twin: TwinState, at_ms: int) -> None:
    """A retained status from before the subscription: no proof of life, whatever it says."""
    if twin.last_seen_ms == 0:
        _become(twin, "unknown", "retained", at_ms)


def seen(twin: TwinState, at_ms: int, *, late: bool = False) -> None:
    """Any other message that was not retained: the device is, or ``late`` was, there."""
    was_dying = twin.unconfirmed is not None
    _heard(twin, at_ms)
    if not late:
        _happens(twin, "message", at_ms)
    elif was_dying or twin.presence.status != "online":
        _happens(twin, "replayed", at_ms)


def doubted(twin: TwinState, at_ms: int) -> None:
    """Whoever speaks for it (the bridge that it is behind, say) does not know any more how it is."""
    twin.unconfirmed = None
    _happens(twin, "doubted", at_ms)


def set_back(twin: TwinState, now_ms: int) -> None:
    """The clock was set back: what is known by times ahead of now is so as of now."""
    twin.last_seen_ms = min(twin.last_seen_ms, now_ms)
    if twin.presence.since > now_ms:
        _set(twin, structs.replace(twin.presence, since=now_ms))


def as_json(presence: Presence) -> dict[str, Any]:
    """A presence as clients see it."""
    return {"status": presence.status, "since": presence.since, "why": presence.why}


def _known_status(twin: TwinState) -> Status:
    return (twin.former or twin.presence).status


def _heard(twin: TwinState, at_ms: int) -> None:
    twin.last_seen_ms = max(twin.last_seen_ms, at_ms)
    twin.unconfirmed = None


# What a look at it finds -----------------------------------------------------------------------------------------


class Link(Struct, frozen=True):
    """A gateway's link to its broker, as it last told. Unix ms on the gateway's clock, which also stamps deliveries."""

    up: bool = False
    gone: bool = False  # down for so long that nothing is known any more of the devices behind it
    since_ms: int = 0  # since when it is up or down
    drained_ms: int = 0  # all that the broker had before is applied

    @property
    def is_drained(self) -> bool:
        """Whether it has caught up with what an outage held back."""
        return self.up and self.drained_ms >= self.since_ms


class Evidence(Struct, frozen=True):
    """What a device is looked at by."""

    now_ms: int  # Unix ms
    link: Link  # of the gateways that serve it, together
    by_gateway: Mapping[str, Link]  # each one's own, by its key
    stale_after_s: int | None  # how long it may be silent; None: silence tells nothing just now


class Known(Protocol):
    """The part of a twin that a look needs."""

    @property
    def presence(self) -> Presence: ...  # noqa: D102
    @property
    def unconfirmed(self) -> Unconfirmed | None: ...  # noqa: D102
    @property
    def former(self) -> Presence | None: ...  # noqa: D102
    @property
    def last_seen_ms(self) -> int: ...  # noqa: D102


class Transition(NamedTuple):
    """What happens to the device's presence. ``why`` None: the link is back."""

    why: Why | None
    at_ms: int


def evaluate(twin: TwinState, evidence: Evidence) -> bool:
    """Let happen what time and our own links do to a presence; whether anything did."""
    found = transition(twin, evidence)
    if found is None:
        return False
    if found.why is None:
        _restore(twin)
        return True
    if found.why in ("will", "outage"):
        twin.unconfirmed = None
    _happens(twin, found.why, found.at_ms)
    return True


def transition(known: Known, evidence: Evidence) -> Transition | None:
    """What :func:`evaluate` would let happen."""
    return _of_will(known, evidence) or _of_link(known, evidence) or _of_silence(known, evidence)


def _of_will(known: Known, evidence: Evidence) -> Transition | None:
    will = known.unconfirmed
    if will is None:
        return None
    link = evidence.by_gateway.get(will.gateway, Link())
    if not link.up or link.since_ms > will.at_ms or will.at_ms > evidence.now_ms + AHEAD_MS:
        return Transition("outage", min(will.at_ms, evidence.now_ms))
    return Transition("will", will.at_ms) if link.drained_ms >= will.at_ms else None


def _of_link(known: Known, evidence: Evidence) -> Transition | None:
    link, presence = evidence.link, known.presence
    if link.gone and presence.status in _TRANSITIONS["link_down"][1]:
        return Transition("link_down", min(max(link.since_ms, presence.since), evidence.now_ms))
    return Transition(None, evidence.now_ms) if known.former is not None and link.is_drained else None


def _of_silence(known: Known, evidence: Evidence) -> Transition | None:
    link = evidence.link
    if known.presence.status != "online" or evidence.stale_after_s is None or not link.is_drained:
        return None
    now_ms = min(evidence.now_ms, link.drained_ms)
    heard_ms = heard_last_ms(known, link)
    quiet_ms = now_ms - heard_ms
    if quiet_ms > 1000 * evidence.stale_after_s or heard_ms > evidence.now_ms + AHEAD_MS:  # heard at no time at all
        return Transition("silence", now_ms)
    if known.presence.why in _DOUBTED and quiet_ms > CONFIRM_MS:
        return Transition("unconfirmed", now_ms)
    return None


def heard_last_ms(known: Known, link: Link) -> int:
    """From when silence counts (Unix ms): while the link was down, nothing would have been heard."""
    return max(known.last_seen_ms, known.presence.since, link.since_ms)


def patience_ms(known: Known, stale_after_s: int) -> int:
    """How long an online device may be silent without a change of its presence."""
    limit_ms = 1000 * stale_after_s
    return min(limit_ms, CONFIRM_MS) if known.presence.why in _DOUBTED else limit_ms


# Changes ---------------------------------------------------------------------------------------------------------


def _happens(twin: TwinState, why: Why, at_ms: int) -> None:
    status, origins = _TRANSITIONS[why]
    before = twin.presence
    if before.status not in origins:
        return
    _become(twin, status, why, at_ms)
    if why == "link_down":
        twin.former = before


def _become(twin: TwinState, status: Status, why: Why, at_ms: int) -> None:
    before = twin.presence
    twin.former = None
    if before.status != status:
        _set(twin, Presence(status, at_ms, why))
    elif _is_news(before.why, why):
        _set(twin, Presence(status, before.since or at_ms, why))


def _is_news(before: Why, why: Why) -> bool:
    """Whether the same status on other grounds is worth telling: only if they are weaker, or no longer weak."""
    return before != why and (why in ("replayed", "outage", "retained") or before in _DOUBTED)


def _restore(twin: TwinState) -> None:
    if twin.former is not None:
        _set(twin, twin.former)
        twin.former = None


def _set(twin: TwinState, presence: Presence) -> None:
    before, twin.rev = twin.presence, twin.rev + 1
    twin.presence = structs.replace(presence, rev=twin.rev)
    twin.record("presence", as_json(twin.presence), as_json(before))
