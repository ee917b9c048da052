"""A client's first packet, looked at before amqtt reads it: whoever speaks another version than MQTT 3.1.1 is told so.

amqtt 0.12 reads a CONNECT of MQTT 5 as one of 3.1.1: it answers what no MQTT 5 client understands, or fails on it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from amqtt.adapters import StreamReaderAdapter

CONNECT: Final = 0x10
SPOKEN: Final = 4  # the protocol level of MQTT 3.1.1
_NAMES: Final = {3: "3.1", 4: "3.1.1", 5: "5"}
_LONGEST_LENGTH: Final = 4  # bytes of a Remaining Length
_MORE: Final = 0x80
_LONGEST_NAME: Final = len("MQIsdp")
# CONNACK "unacceptable protocol version", as a client of each version reads it (MQTT 3.1.1: 3.2.2.3, MQTT 5: 3.2.2.2).
_REFUSED: Final = b"\x20\x02\x00\x01"
_REFUSED_5: Final = b"\x20\x03\x00\x84\x00"


@dataclass(frozen=True)
class FirstPacket:
    """How a client begins."""

    head: bytes
    """What was read of it."""
    level: int | None
    """Its protocol level; None: it is no CONNECT."""

    @property
    def version(self) -> str:
        """In words."""
        return "none of MQTT" if self.level is None else _NAMES.get(self.level, f"of level {self.level}")

    @property
    def refusal(self) -> bytes:
        """The CONNACK for one that is not `SPOKEN`; nothing for what is no MQTT."""
        if self.level is None:
            return b""
        return _REFUSED_5 if self.level > SPOKEN else _REFUSED


async def first_packet(reader: asyncio.StreamReader) -> FirstPacket:
    """Read up to the protocol level and no further.

    Raises:
        asyncio.IncompleteReadError: the client has gone.
    """
    head = await reader.readexactly(1)
    if head[0] != CONNECT:
        return FirstPacket(head, None)
    for _ in range(_LONGEST_LENGTH):
        head += await reader.readexactly(1)
        if head[-1] < _MORE:
            break
    length = await reader.readexactly(2)
    head += length
    if int.from_bytes(length) > _LONGEST_NAME:
        return FirstPacket(head, None)
    name_and_level = await reader.readexactly(int.from_bytes(length) + 1)
    known = name_and_level[:-1] in (b"MQTT", b"MQIsdp")
    return FirstPacket(head + name_and_level, name_and_level[-1] if known else None)


class ReadFrom(StreamReaderAdapter):
    """A stream of which the beginning was read already."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._head = head

    async def read(self, n: int = -1) -> bytes:
        """As amqtt asks for it: the first bytes anew, then the rest."""
        taken, self._head = (self._head, b"") if n < 0 else (self._head[:n], self._head[n:])
        missing = n - len(taken) if n >= 0 else n
        return taken + await super().read(missing) if missing else taken
