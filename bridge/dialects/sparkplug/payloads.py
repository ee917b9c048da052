"""Sparkplug's payloads, read and written (sparkplug_b.proto). Field numbers stand here alone."""

from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.protobuf import (
    Value,
    as_bytes,
    as_double,
    as_float,
    as_int,
    as_signed,
    as_text,
    bytes_field,
    double_field,
    fields,
    float_field,
    number_field,
)

SIGNED: Final = {1: 8, 2: 16, 3: 32, 4: 64}  # datatype: bits
UNSIGNED: Final = {5: 8, 6: 16, 7: 32, 8: 64, 13: 64}  # 13: DateTime, Unix ms
FLOAT, DOUBLE, BOOLEAN = 9, 10, 11
TEXTS: Final = frozenset({12, 14, 15})  # String, Text, UUID
UINT64: Final = 8
NAMES: Final = {16: "DataSet", 17: "Bytes", 18: "File", 19: "Template", 20: "PropertySet", 21: "PropertySetList"}
"""Of datatypes that are not read; arrays are the numbers above."""
READ: Final = frozenset({*SIGNED, *UNSIGNED, FLOAT, DOUBLE, BOOLEAN, *TEXTS})

_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_VALUES: Final = frozenset(range(10, 19))


class Metric(Struct, gc=False):
    """One metric of a payload, as it came."""

    name: str = ""  # empty: by its alias
    alias: int = -1  # -1: none
    ts_ms: int = 0  # 0: none
    datatype: int = 0  # 0: as at birth
    is_historical: bool = False
    is_null: bool = False
    properties: dict[str, Any] = {}
    field: int = 0  # which one the value is in; 0: none
    raw: Value = 0

    def value(self, datatype: int) -> Any:
        """The value as that of a datatype; None: none, or of a datatype that is not read."""
        if self.is_null or not self.field:
            return None
        if datatype in SIGNED:
            return as_signed(self.raw, SIGNED[datatype])
        if datatype in UNSIGNED:
            return as_int(self.raw) & ((1 << UNSIGNED[datatype]) - 1)
        if datatype in (FLOAT, DOUBLE):
            return _real(self.field, self.raw)
        if datatype == BOOLEAN:
            return bool(as_int(self.raw))
        return as_text(self.raw) if datatype in TEXTS else None


class Payload(Struct):
    """A payload, as it came."""

    ts_ms: int
    seq: int | None
    metrics: list[Metric]


def _real(field: int, raw: Value) -> float:
    if field == _FLOAT:
        return as_float(raw)
    return as_double(raw) if field == _DOUBLE else float(as_signed(raw))


def decode(message: bytes) -> Payload:
    """A payload.

    Raises:
        WireError: it is none.
    """
    found = Payload(0, None, [])
    for number, value in fields(message):
        if number == 1:
            found.ts_ms = as_int(value)
        elif number == 2:
            found.metrics.append(_metric(as_bytes(value)))
        elif number == 3:
            found.seq = as_int(value) & 0xFF
    return found


def _metric(message: bytes) -> Metric:
    found = Metric()
    for number, value in fields(message):
        if number == 1:
            found.name = as_text(value)
        elif number == 2:
            found.alias = as_int(value)
        elif number == 3:
            found.ts_ms = as_int(value)
        elif number == 4:
            found.datatype = as_int(value)
        elif number == 5:
            found.is_historical = bool(value)
        elif number == 7:
            found.is_null = bool(value)
        elif number == 9:
            found.properties = _properties(as_bytes(value))
        elif number in _VALUES:
            found.field, found.raw = number, value
    return found


def _properties(message: bytes) -> dict[str, Any]:
    """Names in small letters, as senders differ in that; values that are no scalars are left out."""
    keys: list[str] = []
    values: list[Any] = []
    for number, value in fields(message):
        if number == 1:
            keys.append(as_text(value).lower())
        elif number == 2:
            values.append(_property(as_bytes(value)))
    return {key: value for key, value in zip(keys, values, strict=False) if value is not None}


def _property(message: bytes) -> Any:
    """A value of a property set: 1 datatype, 2 null, then from int to string the fields of a metric less 7."""
    found = Metric()
    for number, value in fields(message):
        if number == 1:
            found.datatype = as_int(value)
        elif number == 2:
            found.is_null = bool(value)
        elif 3 <= number <= 8:
            found.field, found.raw = number + 7, value
    return found.value(found.datatype)


# Writing ----------------------------------------------------------------------------------------------------------


def encode(ts_ms: int, metrics: list[bytes]) -> bytes:
    """A command's payload: it has no seq.

    Args:
        ts_ms: Unix ms.
        metrics: of :func:`metric`.
    """
    return number_field(1, ts_ms) + b"".join(bytes_field(2, one) for one in metrics)


def metric(name: str, ts_ms: int, datatype: int, value: Any) -> bytes:
    """A metric by name. The value must be one of its datatype.

    Raises:
        OverflowError: it is beyond the datatype.
    """
    head = bytes_field(1, name.encode()) + number_field(3, ts_ms) + number_field(4, datatype)
    if value is None:
        return head + number_field(7, 1)
    if datatype in SIGNED:
        bits = 64 if SIGNED[datatype] == 64 else 32
        return head + number_field(_LONG if bits == 64 else _INT, value & ((1 << bits) - 1))
    if datatype in UNSIGNED:
        return head + number_field(_LONG if UNSIGNED[datatype] == 64 else _INT, value)
    if datatype == FLOAT:
        return head + float_field(_FLOAT, value)
    if datatype == DOUBLE:
        return head + double_field(_DOUBLE, value)
    if datatype == BOOLEAN:
        return head + number_field(_BOOLEAN, int(value))
    return head + bytes_field(_STRING, value.encode())
