"""Silence: which online devices have not been heard for too long. The rule is devices.rules.presence.

Silence says something about a device only while it would be heard: it counts from when we took the shard, from when the
channel layer brings messages, and from when a gateway is connected to its broker; while none is, nothing is judged.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from devices.ingest.operations import LookedSilent
from devices.ingest.shard import Member, Shard
from devices.models import Device
from devices.options import DevicesOptions

_LOOKS: Final = 2_000  # devices a shard and time


def broker_up_since_ms() -> int | None:
    """Unix ms; None while no gateway is connected. Two small queries."""
    status: Any = import_string(settings.CAUSEWAY_GATEWAY_STATUS)()
    return int(status.since_ms) if status.broker_up else None


def any_due(shards: Iterable[Shard], now_ms: int) -> bool:
    """Whether a device's time is up, as far as known without a look at it."""
    firsts = (shard.silence.first_ms() for shard in shards)
    return any(first is not None and first <= now_ms for first in firsts)


def overdue(shard: Shard, options: DevicesOptions, heard_since_ms: int, now_ms: int) -> dict[str, LookedSilent]:
    """The devices that are silent for too long; the others whose time was up get a later one.

    Args:
        shard: whose devices.
        options: the limit for those without one of their own.
        heard_since_ms: Unix ms; silence before that means nothing.
        now_ms: Unix ms.
    """
    out: dict[str, LookedSilent] = {}
    for _ in range(_LOOKS):
        key = shard.silence.pop(now_ms)
        if key is None:
            break
        member = shard.members.get(key)
        if member is None or member.twin.presence.status != "online":
            continue
        deadline_ms = _deadline_ms(member, options, max(heard_since_ms, shard.taken_ms))
        if deadline_ms <= now_ms:
            out[key] = LookedSilent(now_ms, limit_s(member, options))
        else:
            shard.silence.set(key, deadline_ms)
    return out


def watch(shard: Shard, member: Member, options: DevicesOptions) -> None:
    """Look at the device again when it could have been silent for too long; nothing unless it is online."""
    if member.key not in shard.silence and member.twin.presence.status == "online":
        shard.silence.set(member.key, _deadline_ms(member, options, 0))


def limit_s(member: Member, options: DevicesOptions) -> int:
    """How long the device may be silent."""
    return member.stale_after_s or options.stale_after_s


def _deadline_ms(member: Member, options: DevicesOptions, heard_since_ms: int) -> int:
    last_ms = max(member.twin.last_seen_ms, member.twin.presence.since, heard_since_ms)
    return last_ms + 1000 * limit_s(member, options) + 1


def refresh_limits(shards: Iterable[Shard], now_ms: int) -> None:
    """Take over the devices' own limits, which the web writes. One query; reads only devices that have one."""
    rows = Device.objects.filter(stale_after_s__isnull=False).values_list("key", "stale_after_s")
    own = {key: limit for key, limit in rows if limit}
    for shard in shards:
        mine = {key: limit for key, limit in own.items() if key in shard.members}
        for key in mine.keys() | shard.own_limits.keys():
            member = shard.members.get(key)
            if member and member.stale_after_s != mine.get(key):
                member.stale_after_s = mine.get(key)
                if key in shard.silence:
                    shard.silence.set(key, now_ms)  # to be looked at: its deadline is another now
        shard.own_limits = mine
