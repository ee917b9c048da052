"""Presence: whether a device is there, since when, and how we know. All its transitions live here.

    from / what   birth    will      live message   retained status      silence
    unknown       online   offline   online         online / offline     -
    online        -        offline   -              -                    stale
    stale         online   offline   online         -                    -
    offline       online   -         online         -                    -

A retained status only fills: it counts while no live message has been heard, and the first one confirms it (the same
status, since the same time, but we know better why). ``since`` is the reception time of what changed the status.
"""

from devices.rules.twin import Presence, Status, TwinState, Why


def status_reported(twin: TwinState, *, online: bool, at_ms: int, live: bool) -> None:
    """A birth or will. ``live``: not a retained message from before the subscription."""
    status: Status = "online" if online else "offline"
    if live:
        twin.last_seen_ms = max(twin.last_seen_ms, at_ms)
        _become(twin, status, at_ms, "birth" if online else "will")
    elif twin.last_seen_ms == 0:
        _become(twin, status, at_ms, "retained")


def seen(twin: TwinState, at_ms: int) -> None:
    """Any other live message: the device is there."""
    twin.last_seen_ms = max(twin.last_seen_ms, at_ms)
    _become(twin, "online", at_ms, "message")


def silent(twin: TwinState, *, now_ms: int, stale_after_s: int) -> bool:
    """Whether the device has now been silent too long: then it has become stale."""
    if twin.presence.status != "online":
        return False
    last_ms = max(twin.last_seen_ms, twin.presence.since)
    if now_ms - last_ms <= stale_after_s * 1000:
        return False
    _become(twin, "stale", now_ms, "silence")
    return True


def _become(twin: TwinState, status: Status, at_ms: int, why: Why) -> None:
    before = twin.presence
    if before.status != status:
        twin.rev += 1
        twin.presence = Presence(status, at_ms, why, twin.rev)
    elif before.why == "retained" != why:
        twin.rev += 1
        twin.presence = Presence(status, before.since, why, twin.rev)
