"""Shelly's topics. Nothing in the topics of Gen2 says that they are a Shelly's: who reads must know the prefix.

Gen2+   <prefix>/{online, events/rpc, status/<component>, announce}      down: <prefix>/{rpc, command[/…]}
        causeway/rpc/shelly/<prefix>/rpc                                 answers to what we asked
Gen1    shellies/<id>/…                                                  down: …/command, …/command/…, …/set
"""

import re
from typing import Final, Literal

from msgspec import Struct

ANSWERS: Final = "causeway/rpc/shelly"  # src of our requests, with the prefix behind it; answers come to <src>/rpc
GEN1: Final = "shellies"
MAX_PREFIX_CHARS: Final = 128
What = Literal["online", "events", "status", "announce", "answer", "gen1"]

_COMPONENT: Final = re.compile(r"[a-z0-9_]{1,32}(?::\d{1,4})?\Z")
_GEN1_SET: Final = re.compile(r"(?:light|white|color)/\d+/set\Z")
_RPC: Final = re.compile(r".+/rpc\Z")


class Place(Struct, frozen=True):
    """A topic understood."""

    prefix: str  # of Gen1 its id
    what: What
    detail: str = ""  # the component; of Gen1 the levels behind the id


def place_of(topic: str, bases: tuple[str, ...]) -> Place | Literal["down"] | None:
    """Where a topic belongs; None: it is no Shelly's.

    Args:
        topic: a topic name.
        bases: prefixes, or what stands before the last level of prefixes; without them a prefix is one level.
    """
    if topic.startswith(f"{GEN1}/"):
        return _gen1(topic[len(GEN1) + 1 :])
    if topic.startswith(f"{ANSWERS}/"):
        prefix = topic[len(ANSWERS) + 1 :]
        return _checked(Place(prefix.removesuffix("/rpc"), "answer"), bases) if _RPC.match(prefix) else None
    first, _, rest = topic.partition("/")
    for base in bases:
        if topic.startswith(f"{base}/"):
            found = _below(base, topic[len(base) + 1 :])
            if found:
                return found
    return _gen2(first, rest) if first and not first.startswith("$") else None


def _below(base: str, rest: str) -> Place | Literal["down"] | None:
    level, _, after = rest.partition("/")
    return _gen2(base, rest) or (_gen2(f"{base}/{level}", after) if level else None)


def _gen2(prefix: str, rest: str) -> Place | Literal["down"] | None:
    if len(prefix) > MAX_PREFIX_CHARS:
        return None
    match rest:
        case "online" | "announce":
            return Place(prefix, rest)
        case "events/rpc":
            return Place(prefix, "events")
        case "rpc" | "command":
            return "down" if prefix.startswith("shelly") else None
    head, _, component = rest.partition("/")
    if head == "status" and _COMPONENT.match(component):
        return Place(prefix, "status", component)
    if head == "command" and _COMPONENT.match(component) and prefix.startswith("shelly"):
        return "down"
    return None


def _checked(place: Place, bases: tuple[str, ...]) -> Place | None:
    """An answer's prefix is one level, or one of a base."""
    prefix = place.prefix
    if not prefix or len(prefix) > MAX_PREFIX_CHARS:
        return None
    outer = prefix.rpartition("/")[0]
    return place if not outer or prefix in bases or outer in bases else None


def _gen1(rest: str) -> Place | Literal["down"] | None:
    device, _, what = rest.partition("/")
    if rest == "command":
        return "down"
    if not device or not what or len(device) > MAX_PREFIX_CHARS:
        return None
    levels = what.split("/")
    if "command" in {levels[-1], levels[-2] if len(levels) > 1 else ""} or _GEN1_SET.match(what):
        return "down"
    return Place(device, "gen1", what)
