"""Whether messages were lost, and when a node is to be born again: at most once a minute, then ever more seldom.

That no more than a few nodes of a shard are asked a second is the worker's to hold: it asks due() of so many.
"""

from typing import Final

from msgspec.structs import replace

from bridge.dialects.dialect import Joined
from bridge.dialects.sparkplug.model import Live

_SOONEST_MS: Final = 60_000  # between two requests to one node; doubled each time
_LATEST_MS: Final = 3_600_000
_SILENT_MS: Final = 300_000  # so long after messages may have been lost a node that says nothing is asked
AWAITED_MS: Final = 30_000  # so long after a node's birth its devices' are awaited


def followed(live: Live, seq: int | None, now_ms: int) -> Live:
    """After a message with this number. Out of sequence: the node is to be born again; if unsure, its birth is void."""
    if seq is None:
        return replace(live, silent_ms=0)
    follows = live.seq < 0 or seq == (live.seq + 1) & 0xFF
    if follows or (seq == live.seq and not live.unsure):  # the same: delivered twice
        return replace(live, seq=seq, unsure=False, silent_ms=0)
    found = replace(live, seq=seq, unsure=False, silent_ms=0, born=live.born and not live.unsure)
    return wanted(found, now_ms)


def wanted(live: Live, now_ms: int) -> Live:
    """The node is to be born again."""
    return live if live.wanted_ms else replace(live, wanted_ms=now_ms)


def joined(live: Live, why: Joined, now_ms: int) -> Live:
    """After it was heard of first, or messages may have been lost."""
    match why:
        case "gateway":
            return replace(live, unsure=live.born, silent_ms=now_ms + _SILENT_MS if live.born else 0)
        case "revision" | "gap":
            return wanted(live, now_ms)
    return live


def asked_at(live: Live) -> int:
    """When it is to be asked to be born again, Unix ms; 0: not at all."""
    if live.wanted_ms:
        return max(live.wanted_ms, live.asked_ms + _pause_ms(live.tries)) if live.asked_ms else live.wanted_ms
    return live.silent_ms


def _pause_ms(tries: int) -> int:
    return int(min(_SOONEST_MS << max(0, min(tries, 10) - 1), _LATEST_MS))


def asked(live: Live, now_ms: int) -> Live:
    """It was asked now."""
    since = live.wanted_ms or now_ms
    return replace(live, wanted_ms=since, silent_ms=0, asked_ms=now_ms, tries=live.tries + 1)
