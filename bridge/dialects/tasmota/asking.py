"""Whom to ask for values, and when: what a device reports is retained nowhere, and comes every five minutes.

``STATUS 10`` and ``11`` are answered by sensors and state, ``STATUS 0`` also by name, version and MAC. Asked are new
devices, and all of them when the gateway's connection is new; few a second, each at most three times.
"""

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from msgspec import structs

from bridge.dialects.dialect import Due, Publication, State
from bridge.dialects.tasmota.model import Asked, Fleet, Now

DISCOVERY: Final = "tasmota/discovery/#"
SPREAD_MS: Final = 60_000  # over which all devices of a source are asked
_MOST_AT_ONCE: Final = 10
_PAUSE_MS: Final = 1_000  # until the next ones
_AGAIN_MS: Final = 60_000  # twice as long the next time
_TRIES: Final = 3
_EXPIRES_MS: Final = 30_000


def asking(now: Now, name: str, at_ms: int) -> Now:
    """A device is to be asked then."""
    return structs.replace(now, asked={**now.asked, name: Asked(at_ms)})


def asking_all(now: Now, names: Iterable[str], now_ms: int) -> Now:
    """All these are to be asked within a minute."""
    asked = {name: Asked(now_ms + crc32(name.encode(errors="replace")) % SPREAD_MS) for name in names}
    return structs.replace(now, asked={**now.asked, **asked})


def due(state: State, now_ms: int) -> Due:
    """Whom to ask now."""
    fleet: Fleet = state.model
    now: Now = state.live
    resting = 0 <= now_ms - now.asked_ms < _PAUSE_MS
    at_ms = {
        name: max(one.at_ms, now.asked_ms + _PAUSE_MS) if resting else one.at_ms for name, one in now.asked.items()
    }
    ready = sorted((when, name) for name, when in at_ms.items() if when <= now_ms)[:_MOST_AT_ONCE]
    if not ready and not now.refetch:
        return Due(again_ms=min(at_ms.values(), default=None))
    asked = dict(now.asked)
    publications: list[Publication] = []
    for _, name in ready:
        publications += _questions(fleet, name, now_ms)
        tries = asked.pop(name).tries + 1
        if tries < _TRIES and name in fleet.things:
            asked[name] = Asked(now_ms + _AGAIN_MS * 2 ** (tries - 1), tries)
    after = structs.replace(now, asked=asked, refetch=False, asked_ms=now_ms if ready else now.asked_ms)
    again_ms = min((max(one.at_ms, now_ms + _PAUSE_MS) for one in asked.values()), default=None)
    refetch = (DISCOVERY,) if now.refetch else ()
    return Due(tuple(publications), refetch, again_ms, State(fleet, after))


def _questions(fleet: Fleet, name: str, now_ms: int) -> list[Publication]:
    thing = fleet.things.get(name)
    if thing is None or not thing.command_stem:
        return []
    numbers = (b"10", b"11") if thing.discovered else (b"0",)
    topic = f"{thing.command_stem}STATUS"
    return [Publication(topic, number, qos=0, expires_ms=now_ms + _EXPIRES_MS) for number in numbers]
