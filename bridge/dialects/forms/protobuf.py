"""Protocol Buffers on the wire: the fields of a message, without its schema (protobuf.dev/programming-guides/encoding).

Work is bounded by the message's size. What fields mean is the caller's; groups, which nobody uses, are refused.
"""

import struct
from collections.abc import Iterator
from typing import Final

Value = int | bytes  # a varint, fixed32 or fixed64 unsigned; a text, bytes or message

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES: Final = 10
_64_BITS: Final = 2**64 - 1


class WireError(ValueError):
    """It is no message."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message in their order, each as number and value.

    Raises:
        WireError: it is cut off, or isn't one.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise WireError("field 0")
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise WireError(f"wire type {kind}")
        if length > end - at:
            raise WireError(f"cut off at byte {end}")
        part, at = message[at : at + length], at + length
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[at : at + _MOST_VARINT_BYTES]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _64_BITS, at
        shift += 7
    raise WireError(f"no end of a number before byte {at}")


def as_int(value: Value) -> int:
    """A number; 0: it is none."""
    return value if isinstance(value, int) else 0


def as_bytes(value: Value) -> bytes:
    """Bytes; none: it is a number."""
    return value if isinstance(value, bytes) else b""


def as_text(value: Value) -> str:
    """A text; what isn't UTF-8 in it is replaced."""
    return as_bytes(value).decode(errors="replace")


def as_signed(value: Value, bits: int = 64) -> int:
    """A number in two's complement; senders differ in how many bits they send."""
    number = as_int(value) & ((1 << bits) - 1)
    return number - (1 << bits) if number >> (bits - 1) else number


def as_float(value: Value) -> float:
    """A fixed32 as the shortest number that is the same float: 21.3, not 21.299999237060547."""
    raw = struct.pack("<I", as_int(value) & 0xFFFFFFFF)
    (number,) = struct.unpack("<f", raw)
    if number == number and abs(number) != float("inf"):  # noqa: PLR0124  NaN is unlike itself
        for digits in (6, 7, 8):
            short = float(f"{number:.{digits}g}")
            if abs(short) < 3.4e38 and struct.pack("<f", short) == raw:
                return short
    return float(number)


def as_double(value: Value) -> float:
    """A fixed64 as a number."""
    return float(struct.unpack("<d", struct.pack("<Q", as_int(value)))[0])


# Writing ----------------------------------------------------------------------------------------------------------


def number_field(number: int, value: int) -> bytes:
    """A field with an integer or a boolean; negative ones in 64 bits."""
    return _written(number << 3) + _written(value & _64_BITS)


def bytes_field(number: int, value: bytes) -> bytes:
    """A field with bytes, a text in UTF-8 or a message."""
    return _written(number << 3 | _BYTES) + _written(len(value)) + value


def float_field(number: int, value: float) -> bytes:
    """A field with a float.

    Raises:
        OverflowError: the value is beyond it.
    """
    return _written(number << 3 | _FIXED32) + struct.pack("<f", value)


def double_field(number: int, value: float) -> bytes:
    """A field with a double."""
    return _written(number << 3 | _FIXED64) + struct.pack("<d", value)


def _written(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
