"""CBOR (RFC 8949), as far as devices use it: a value as JSON would have it. Nothing is allocated for what isn't there.

Keys become texts, bytes hex digits, undefined and unknown simple values null; tags but those of big numbers are
passed over.
"""

import struct
from typing import Any, Final

_MOST_DEPTH: Final = 32
_SIZES: Final = {24: 1, 25: 2, 26: 4, 27: 8}  # bytes of a head's argument
_INDEFINITE: Final = 31
_BREAK: Final = object()
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: Final = {20: False, 21: True}
_BIG_NUMBERS: Final = (2, 3)
_MOST_BIG_BYTES: Final = 1_000


class CborError(ValueError):
    """It is no CBOR, or more than is read."""


def is_cbor(payload: bytes) -> bool:
    """Whether it begins as an array or a map in CBOR: no text in UTF-8 does."""
    return payload[:1] >= b"\x80" and payload[:1] < b"\xc0"


def decode(payload: bytes) -> Any:
    """The one value in a payload.

    Raises:
        CborError: there is none, or something behind it.
    """
    reader = _Reader(payload)
    value = reader.value(1)
    if value is _BREAK or reader.at != len(payload):
        raise CborError(f"no value, or more than one, at byte {reader.at}")
    return value


class _Reader:
    def __init__(self, payload: bytes) -> None:
        self._payload, self.at = payload, 0

    def _take(self, count: int) -> bytes:
        if count > len(self._payload) - self.at:
            raise CborError(f"cut off at byte {len(self._payload)}")
        self.at += count
        return self._payload[self.at - count : self.at]

    def value(self, depth: int) -> Any:
        """The next value, or the end of one of indefinite length."""
        if depth > _MOST_DEPTH:
            raise CborError(f"over {_MOST_DEPTH} levels")
        head = self._take(1)[0]
        kind, short = head >> 5, head & 31
        if kind == 7:
            return self._simple(short)
        count = None if short == _INDEFINITE else self._argument(short)
        match kind:
            case 0 if count is not None:
                return count
            case 1 if count is not None:
                return -1 - count
            case 2 | 3:
                found = self._string(kind, count)
                return found.hex() if kind == 2 else found.decode(errors="replace")
            case 4:
                return self._array(count, depth)
            case 5:
                return self._map(count, depth)
            case 6 if count is not None:
                return self._tagged(count, depth)
        raise CborError(f"byte {head:#x} at {self.at - 1}")

    def _argument(self, short: int) -> int:
        if short < 24:
            return short
        if short not in _SIZES:
            raise CborError(f"a head of {short} at {self.at - 1}")
        return int.from_bytes(self._take(_SIZES[short]), "big")

    def _simple(self, short: int) -> Any:
        if short == _INDEFINITE:
            return _BREAK
        if short in _FLOATS:
            return _shortest(short, self._take(_SIZES[short]))
        if short == 24:
            self._take(1)
        elif short > 24:
            raise CborError(f"a simple value of {short} at {self.at - 1}")
        return _SIMPLE.get(short)

    def _string(self, kind: int, count: int | None) -> bytes:
        if count is not None:
            return self._take(count)
        parts = []
        while (head := self._take(1)[0]) != 0xFF:
            if head >> 5 != kind or head & 31 == _INDEFINITE:
                raise CborError(f"a piece of another kind at {self.at - 1}")
            parts.append(self._take(self._argument(head & 31)))
        return b"".join(parts)

    def _array(self, count: int | None, depth: int) -> list[Any]:
        self._check_room(count)
        found: list[Any] = []
        while count is None or len(found) < count:
            one = self.value(depth + 1)
            if one is _BREAK:
                if count is not None:
                    raise CborError(f"an end at byte {self.at - 1}")
                break
            found.append(one)
        return found

    def _map(self, count: int | None, depth: int) -> dict[str, Any]:
        items = self._array(None if count is None else 2 * count, depth)
        if len(items) % 2:
            raise CborError(f"a key without value before byte {self.at}")
        return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}

    def _tagged(self, tag: int, depth: int) -> Any:
        value = self.value(depth + 1)
        if value is _BREAK:
            raise CborError(f"an end at byte {self.at - 1}")
        if tag in _BIG_NUMBERS and isinstance(value, str) and len(value) <= 2 * _MOST_BIG_BYTES:
            number = int(value or "0", 16)
            return number if tag == 2 else -1 - number
        return value

    def _check_room(self, count: int | None) -> None:
        if count is not None and count > len(self._payload) - self.at:
            raise CborError(f"{count} items in {len(self._payload) - self.at} bytes")


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise CborError("a key that is no text")


def _shortest(short: int, raw: bytes) -> float:
    """A float of 32 bits as the shortest number that is the same: 67.9, not 67.9000015258789."""
    (number,) = struct.unpack(_FLOATS[short], raw)
    if short == 26 and number - number == 0:  # finite
        for digits in range(6, 9):
            near = float(f"{number:.{digits}g}")
            try:
                if struct.pack(_FLOATS[short], near) == raw:
                    return near
            except OverflowError:
                continue
    return float(number)
