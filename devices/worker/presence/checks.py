"""Which presences to look at in a round, of devices that say nothing themselves. The rules are devices.rules.presence.

- An ``offline`` that waits for its confirmation: as soon as its gateway's link tells.
- All devices, when a gateway's link is gone; those that this made unknown, when it is back and has caught up.
- Online devices, when they may have been silent for too long.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from devices.rules.described.silence import SilenceLimits
from devices.rules.presence import Evidence, Link, heard_last_ms, patience_ms, transition
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import Links

_CHANGES: Final = 1_000  # a shard and round, of each kind: uplink must not wait for a whole fleet's
_CHECKS: Final = 20_000  # a shard and round, of each kind
_CATCH_UP_MS: Final = 10_000  # QoS 0 waits in the gateway while we don't listen: then it takes so long to reach us
_LAGGING_CHECK_MS: Final = 5_000  # until the next look for silence while the link has not caught up


def due_checks(
    shard: Shard, links: Links, limits: SilenceLimits, now_ms: int, listening_since_ms: int | None
) -> dict[str, Evidence]:
    """The devices whose presence has to change, and by what, unless something comes from them in this round.

    Args:
        shard: whose devices.
        links: the gateways' to their brokers, now.
        limits: how long devices may be silent.
        now_ms: Unix ms.
        listening_since_ms: Unix ms; since when the channel layer brings messages; None while it does not.
    """
    _begin_sweep(shard, links)
    hears = listening_since_ms is not None and now_ms - max(listening_since_ms, shard.owned_since_ms) >= _CATCH_UP_MS
    checks = _Checks(shard, links, limits, now_ms, hears=hears)
    keys = [
        *islice(_unconfirmed(checks), _CHANGES),
        *_some(checks, _popped(shard)),
        *_some(checks, _overdue(checks)),
    ]
    return {key: checks.evidence(shard.members[key]) for key in keys}


def watch(shard: Shard, member: Member, limits: SilenceLimits, now_ms: int) -> None:
    """Look at the device again when it is time; after every change of its twin."""
    key, known, watch = member.key, member.known, shard.watch
    _keep(watch.dying, key, wanted=known.unconfirmed is not None)
    _keep(watch.away, key, wanted=known.former is not None)
    if watch.links_gone and known.former is None:
        watch.sweep.append(key)  # it was heard when nothing could be: of a round that was under way
    if known.presence.status == "online" and (limit := limit_s(member, limits)) is not None:
        heard_ms = min(heard_last_ms(known, Link()), now_ms)  # later: by a clock that was set back since
        due_ms = heard_ms + patience_ms(known, limit) + 1
        watch.silence.set_earlier(key, due_ms)


def forget(shard: Shard, key: str) -> None:
    """The device is deleted."""
    shard.watch.dying.discard(key)
    shard.watch.away.discard(key)


def limit_s(member: Member, limits: SilenceLimits) -> int | None:
    """How long the device may be silent; None: for ever."""
    described_s = member.described.stale_after_s if member.described else 0
    if member.stale_after_s or not (limits.by_site or described_s != 0):
        return member.stale_after_s or limits.stale_after_s
    return limits.of(member.key, None, member.known.tags if limits.by_site else (), described_s)


def _keep(keys: set[str], key: str, *, wanted: bool) -> None:
    if wanted:
        keys.add(key)
    else:
        keys.discard(key)


# Who is looked at ------------------------------------------------------------------------------------------------


class _Checks:
    """What all looks of one round at one shard share."""

    def __init__(self, shard: Shard, links: Links, limits: SilenceLimits, now_ms: int, *, hears: bool) -> None:
        self.shard, self.links, self.limits, self.now_ms, self.hears = shard, links, limits, now_ms, hears

    def evidence(self, member: Member) -> Evidence:
        """What the device is looked at by."""
        stale_after_s = limit_s(member, self.limits) if self.hears else None
        return Evidence(self.now_ms, self.links.of(member), self.links.by_gateway, stale_after_s)

    def is_due(self, key: str) -> bool:
        """Whether anything has to change."""
        member = self.shard.members.get(key)
        return member is not None and transition(member.known, self.evidence(member)) is not None


def _some(checks: _Checks, keys: Iterator[str]) -> Iterator[str]:
    return islice(filter(checks.is_due, islice(keys, _CHECKS)), _CHANGES)


def _begin_sweep(shard: Shard, links: Links) -> None:
    watch, picture = shard.watch, links.picture
    if watch.links == picture:
        return
    watch.links, watch.links_gone = picture, any(link.gone for link in links.by_gateway.values())
    watch.sweep.clear()
    watch.sweep.extend(shard.members if watch.links_gone else watch.away)


def _unconfirmed(checks: _Checks) -> Iterator[str]:
    """Those whose ``offline`` is to be judged now. Whoever was heard since waits for that no more."""
    shard = checks.shard
    for key in list(islice(shard.watch.dying, _CHECKS)):
        member = shard.members.get(key)
        if member is None or (known := member.known).unconfirmed is None:
            shard.watch.dying.discard(key)
        elif transition(known, checks.evidence(member)) is not None:
            yield key


def _popped(shard: Shard) -> Iterator[str]:
    while shard.watch.sweep:
        yield shard.watch.sweep.popleft()


def _overdue(checks: _Checks) -> Iterator[str]:
    """Those whose time for silence is up; the others whose time was up get a later one."""
    silence = checks.shard.watch.silence
    while (key := silence.pop(checks.now_ms)) is not None:
        if checks.is_due(key):
            yield key
        elif (member := checks.shard.members.get(key)) and member.known.presence.status == "online":
            wait_ms = _wait_ms(checks, member)
            if wait_ms is not None:
                silence.set(key, checks.now_ms + wait_ms)


def _wait_ms(checks: _Checks, member: Member) -> int | None:
    """Until it is worth looking again, as far as can be told; None: it may be silent for ever by now."""
    known, link = member.known, checks.links.of(member)
    heard_ms = min(checks.now_ms, link.drained_ms)
    if not (checks.hears and link.is_drained and checks.now_ms - heard_ms < _LAGGING_CHECK_MS):
        return _LAGGING_CHECK_MS
    limit = limit_s(member, checks.limits)
    if limit is None:
        return None
    return heard_last_ms(known, link) + patience_ms(known, limit) + 1 - heard_ms
