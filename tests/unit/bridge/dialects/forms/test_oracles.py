"""What we read of Protocol Buffers, CBOR and SenML, against others' libraries: random messages, the same values."""

import contextlib
import json
import math
import struct
from typing import Any, Final

import cbor2
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dialects.forms import senml
from bridge.dialects.forms.cbor import CborError, decode
from bridge.dialects.sparkplug import payloads
from bridge.json_values import Sieve

NOW_MS = 1_795_944_900_000

# Protocol Buffers ---------------------------------------------------------------------------------------------------

_TYPES: Final = {"double": 1, "float": 2, "uint64": 4, "bool": 8, "string": 9, "message": 11, "bytes": 12, "uint32": 13}
_SCALARS: Final = (
    ("uint32", "int_value"), ("uint64", "long_value"), ("float", "float_value"), ("double", "double_value"),
    ("bool", "boolean_value"), ("string", "string_value"),
)  # fmt: skip
_SCHEMA: Final = {  # Sparkplug B's definition (Eclipse Tahu, sparkplug_b.proto), as far as it is read
    "Payload": [("uint64", "timestamp", 1), ("[Metric", "metrics", 2), ("uint64", "seq", 3), ("string", "uuid", 4)],
    "Metric": [
        ("string", "name", 1), ("uint64", "alias", 2), ("uint64", "timestamp", 3), ("uint32", "datatype", 4),
        ("bool", "is_historical", 5), ("bool", "is_transient", 6), ("bool", "is_null", 7),
        ("PropertySet", "properties", 9),
        *((kind, name, 10 + place) for place, (kind, name) in enumerate(_SCALARS)), ("bytes", "bytes_value", 16),
    ],
    "PropertySet": [("[string", "keys", 1), ("[PropertyValue", "values", 2)],
    "PropertyValue": [
        ("uint32", "type", 1), ("bool", "is_null", 2),
        *((kind, name, 3 + place) for place, (kind, name) in enumerate(_SCALARS)),
    ],
}  # fmt: skip


def _messages() -> dict[str, Any]:
    """Google's classes of these."""
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="sparkplug", syntax="proto2")
    for name, its in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for kind, field, number in its:
            plain = kind.removeprefix("[")
            label = 3 if kind != plain else 1
            added = message.field.add(name=field, number=number, label=label, type=_TYPES.get(plain, 11))
            if plain not in _TYPES:
                added.type_name = f".sparkplug.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"sparkplug.{name}") for name in _SCHEMA}
    return {name: message_factory.GetMessageClass(one) for name, one in found.items()}


GOOGLES: Final = _messages()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
SINGLES = st.floats(width=32)
SCALARS = st.one_of(
    st.tuples(st.just("int_value"), U32), st.tuples(st.just("long_value"), U64),
    st.tuples(st.just("float_value"), SINGLES), st.tuples(st.just("double_value"), st.floats()),
    st.tuples(st.just("boolean_value"), st.booleans()), st.tuples(st.just("string_value"), TEXTS),
)  # fmt: skip
DATATYPES: Final = {
    "int_value": (1, 2, 3, 5, 6, 7), "long_value": (4, 8, 13), "float_value": (9,), "double_value": (10,),
    "boolean_value": (11,), "string_value": (12, 14, 15),
}  # fmt: skip


@st.composite
def metrics(draw: st.DrawFn) -> Any:
    field, value = draw(SCALARS)
    head = draw(st.fixed_dictionaries(
        {}, optional={"name": TEXTS, "alias": U64, "timestamp": U64, "is_historical": st.booleans(),
                      "is_transient": st.booleans(), "is_null": st.booleans()}
    ))  # fmt: skip
    found = GOOGLES["Metric"](**head, datatype=draw(st.sampled_from(DATATYPES[field])), **{field: value})
    for key, (name, one) in draw(st.dictionaries(TEXTS, SCALARS, max_size=3)).items():
        found.properties.keys.append(key)
        found.properties.values.append(GOOGLES["PropertyValue"](type=DATATYPES[name][-1], **{name: one}))
    return found


def expected(metric: Any, datatype: int) -> Any:
    """The value that Google's reading has, as one of its datatype."""
    if metric.is_null:
        return None
    field = next(name for _, name in _SCALARS if metric.HasField(name))
    value = getattr(metric, field)
    if datatype in (1, 2, 3, 4):
        bits = (8, 16, 32, 64)[datatype - 1]
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    return value & ((1 << {5: 8, 6: 16, 7: 32}.get(datatype, 64)) - 1) if datatype in (5, 6, 7, 8, 13) else value


def same(found: Any, wanted: Any, datatype: int) -> bool:
    if isinstance(wanted, float):
        if math.isnan(wanted):
            return math.isnan(found)
        return struct.pack("<f", found) == struct.pack("<f", wanted) if datatype == 9 else bool(found == wanted)
    return type(found) is type(wanted) and bool(found == wanted)


@settings(deadline=None)
@given(st.lists(metrics(), max_size=5), U64, U64)
def test_sparkplug_is_read_as_google_wrote_it(wanted: list[Any], timestamp: int, seq: int) -> None:
    message = GOOGLES["Payload"](timestamp=timestamp, seq=seq, metrics=wanted, uuid="x")
    found = payloads.decode(message.SerializeToString())
    assert (found.ts_ms, found.seq) == (timestamp, seq & 0xFF)
    assert len(found.metrics) == len(wanted)
    for ours, theirs in zip(found.metrics, wanted, strict=True):
        alias = theirs.alias if theirs.HasField("alias") else -1
        assert (ours.name, ours.alias, ours.ts_ms) == (theirs.name, alias, theirs.timestamp)
        assert (ours.datatype, ours.is_historical, ours.is_null) == (
            theirs.datatype, theirs.is_historical, theirs.is_null
        )  # fmt: skip
        assert same(ours.value(ours.datatype), expected(theirs, theirs.datatype), theirs.datatype)
        properties = {}
        for key, one in zip(theirs.properties.keys, theirs.properties.values, strict=True):
            properties[key.lower()] = one
        assert ours.properties.keys() == properties.keys()
        for key, one in properties.items():
            assert same(ours.properties[key], expected(one, one.type), one.type)


@settings(deadline=None)
@given(TEXTS, U64, SCALARS)
def test_google_reads_what_we_write(name: str, at_ms: int, scalar: tuple[str, Any]) -> None:
    field, value = scalar
    datatype = DATATYPES[field][-1]
    found = GOOGLES["Payload"].FromString(payloads.encode(at_ms, [payloads.metric(name, at_ms, datatype, value)]))
    (metric,) = found.metrics
    assert (found.timestamp, metric.name, metric.timestamp, metric.datatype) == (at_ms, name, at_ms, datatype)
    assert same(getattr(metric, field), value, datatype)


# CBOR and SenML -----------------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**64), 2**64 - 1), st.integers(-(2**200), 2**200), TEXTS, st.floats(),
    st.binary(max_size=20),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.integers(0, 99), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def as_read(value: Any) -> Any:
    """A value as our reading has it: keys are texts, bytes hex digits."""
    if isinstance(value, dict):
        return {str(key): as_read(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_read(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def like(found: Any, wanted: Any) -> bool:
    """Whether they are the same; floats as far as 32 bits tell, which are read as the shortest number."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(like(found[key], one) for key, one in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(like, found, wanted))
    if isinstance(wanted, float):
        near = found == wanted or (math.isnan(found) and math.isnan(wanted))
        with contextlib.suppress(OverflowError):
            near = near or struct.pack("<f", found) == struct.pack("<f", wanted)
        return isinstance(found, float) and near
    return type(found) is type(wanted) and bool(found == wanted)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_cbor_is_read_as_cbor2_wrote_it(value: Any, canonical: bool) -> None:
    assert like(decode(cbor2.dumps(value, canonical=canonical)), as_read(value))


@settings(deadline=None)
@given(VALUES, st.data())
def test_neither_reads_what_is_cut_off(value: Any, data: st.DataObject) -> None:
    whole = cbor2.dumps(value)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(CborError):
        decode(cut)
    with pytest.raises(cbor2.CBORDecodeError):
        cbor2.loads(cut)


NUMBERS = st.integers(-(2**31), 2**31) | st.floats(-1e9, 1e9, allow_subnormal=False)
RECORDS = st.fixed_dictionaries(
    {"n": st.sampled_from(["a", "b", "c"])},
    optional={"u": st.sampled_from(["Cel", "W", "%RH"]), "t": st.integers(-100, 0), "bv": NUMBERS,
              "bt": st.integers(0, 9)},
).flatmap(
    lambda head: st.one_of(
        st.builds(lambda one: {**head, "v": one}, NUMBERS), st.builds(lambda one: {**head, "vs": one}, TEXTS),
        st.builds(lambda one: {**head, "vb": one}, st.booleans()),
    )
)  # fmt: skip
LABELS: Final = {  # RFC 8428, section 6
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4,
    "s": 5, "t": 6,
}  # fmt: skip


@settings(deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=6), st.booleans())
def test_senml_in_cbor2s_words_says_the_same_as_in_json(records: list[dict[str, Any]], labels: bool) -> None:
    written = [{LABELS[key] if labels else key: value for key, value in one.items()} for one in records]
    as_json = senml.read(_json(records), NOW_MS, Sieve(10_000))
    as_cbor = senml.read(cbor2.dumps(written), NOW_MS, Sieve(10_000))
    assert as_cbor.units == as_json.units
    assert [(one.ts_ms, one.metrics) for one in as_cbor.readings] == [
        (one.ts_ms, one.metrics) for one in as_json.readings
    ]


def _json(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records).encode()
