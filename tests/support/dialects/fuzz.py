"""Wrong messages made of right ones: cut, flipped, nested, huge; on topics with odd levels. For any dialect."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import structs

from bridge.dialects.dialect import Dialect, Route
from bridge.names import is_device_key
from tests.support.dialects.player import Player
from tests.support.dialects.rows import Row

MOST_S_A_KIB: Final = 0.005
_SHORTEST_S: Final = 0.020  # a pause of the machine is no work of ours
MOST_STATE_BYTES: Final = 8 * 1024 * 1024

_LEVELS: Final = (
    "",
    "/",
    "//",
    "a" * 300,
    "ü",
    "\U0001f600",
    "$SYS",
    "..",
    ".",
    "~",
    "-1",
    "+",
    "#",
    "a b",
    "%2f",
    "{x}",
)
_HUGE: Final = (
    b"[" * 10_000, b'{"a":' * 10_000, b"[" * 500 + b"]" * 500, b"9" * 5_000, b"-" + b"9" * 400, b"1e400", b"NaN",
    b'{"a":"' + b"x" * 100_000 + b'"}', b"{" + b",".join(b'"%d":%d' % (i, i) for i in range(5_000)) + b"}",
    b"[" + b",".join(b"0" for _ in range(20_000)) + b"]", b"\0" * 1_000, b"\xff" * 1_000, b"null", b"true", b'""',
    b"{}", b"[]", b'{"\\u0000":"\\ud800"}', b'"\\ud83d"', b"\xef\xbb\xbf{}", b" ", b"0",
)  # fmt: skip


def prefixes(row: Row, step: int = 1) -> Iterator[Row]:
    """Every beginning of its payload."""
    for end in range(0, len(row.payload), step):
        yield structs.replace(row, payload=row.payload[:end])


def flipped(row: Row, rng: random.Random, count: int) -> Iterator[Row]:
    """The payload with some bytes that are others, some of them doubled, some left out."""
    for _ in range(count if row.payload else 0):
        payload = bytearray(row.payload)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(len(payload))
            match rng.randrange(4):
                case 0:
                    payload[place] ^= 1 << rng.randrange(8)
                case 1:
                    payload[place] = rng.choice(b'{}[]",:0-9e.ntf\\\0\xff')
                case 2:
                    payload[place:place] = payload[place : place + rng.randrange(64)]
                case 3 if len(payload) > 1:
                    del payload[place]
        yield structs.replace(row, payload=bytes(payload))


def swapped(rows: Sequence[Row], rng: random.Random, count: int) -> Iterator[Row]:
    """One row's payload on another's topic."""
    for _ in range(count):
        yield structs.replace(rng.choice(rows), payload=rng.choice(rows).payload, retain=rng.random() < 0.5)


def huge(row: Row) -> Iterator[Row]:
    """Nested, long, and odd payloads."""
    for payload in _HUGE:
        yield structs.replace(row, payload=payload)


def odd_topics(row: Row, rng: random.Random, count: int) -> Iterator[Row]:
    """Levels left out, doubled, swapped for odd ones."""
    for _ in range(count):
        levels = row.topic.split("/")
        place = rng.randrange(len(levels))
        match rng.randrange(4):
            case 0:
                del levels[place]
            case 1:
                levels.insert(place, rng.choice(_LEVELS))
            case 2:
                levels[place] = rng.choice(_LEVELS)
            case 3:
                levels[place] = levels[place][:-1] + rng.choice(("\0", "x", "É", "0" * 70, " "))
        yield structs.replace(row, topic="/".join(levels))


def feed(player: Player, row: Row) -> None:
    """Let a dialect read a wrong message. It may say anything of its own devices, in bounded time.

    Raises:
        AssertionError: it took too long, or said what it may not.
    """
    began = time.process_time()
    player.play([row])
    took = time.process_time() - began
    kibibytes = (len(row.payload) + len(row.topic)) / 1024
    assert took <= max(_SHORTEST_S, MOST_S_A_KIB * kibibytes * 4), (took, row.topic, len(row.payload))


def check_route(dialect: Dialect, topic: str) -> None:
    """Assert that a topic is sorted, whatever it is, and never as a source that has no key."""
    found = dialect.route(topic)
    assert not isinstance(found, Route) or (is_device_key(found.source) and "~" not in found.source), found


def state_bytes(player: Player) -> int:
    """How large the states of all sources are."""
    return sum(len(msgspec.json.encode(part)) for state in player.states.values() for part in (state.model, state.live))
