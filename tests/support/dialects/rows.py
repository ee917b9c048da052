"""The lines of a corpus: messages in the order in which they arrive, with their times."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

CORPORA = Path(__file__).resolve().parents[2] / "unit" / "bridge" / "dialects" / "corpora"

_FIRST_MS = 1_795_944_900_000  # 2026-11-29 09:35 UTC: when the first message comes, if it says nothing later
_SECONDS = re.compile(rb"(?<![\d.])(179[56]\d{6}(?:\.\d+)?)(?![\d.])")
_MILLISECONDS = re.compile(rb"(?<![\d.])(179[56]\d{9})(?![\d.])")
_ISO = re.compile(rb"2026-1[12]-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?\d*(?:Z|[+-]\d\d:?\d\d)")


class Row(Struct, frozen=True):
    """One message, as the device (or its server) publishes it."""

    number: int  # in its file, from 1
    topic: str
    payload: bytes
    retain: bool
    stored: bool  # it comes from the broker's store, whenever it is played
    received_ms: int  # Unix ms


def rows(corpus: str) -> tuple[Row, ...]:
    """All messages of a corpus. Each is received at the newest time that it or one before it tells."""
    now_ms, found = _FIRST_MS, []
    for number, line in enumerate(lines(corpus), start=1):
        payload = content(line)
        now_ms = max([now_ms + 1_000, *times_ms(payload)])
        found.append(
            Row(number, line["topic"], payload, line["retain"], line.get("delivered") == "retained", now_ms),
        )
    return tuple(found)


def lines(name: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a file beside the corpora; none if there is no such file."""
    path = CORPORA / f"{name}.jsonl"
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def content(line: dict[str, Any]) -> bytes:
    """A payload, which is text or hex digits."""
    text = line["payload"]
    return bytes.fromhex(text) if line.get("encoding") == "hex" else text.encode()


def times_ms(payload: bytes) -> list[int]:
    """The times with a zone that a payload tells, in Unix ms, as far as they are in the corpora's months."""
    iso = [datetime.fromisoformat(found.decode().upper()) for found in _ISO.findall(payload)]
    return [
        *(round(float(found) * 1000) for found in _SECONDS.findall(payload)),
        *(int(found) for found in _MILLISECONDS.findall(payload)),
        *(round(moment.astimezone(UTC).timestamp() * 1000) for moment in iso),
    ]
