"""Conflation of delta items: several of one device into one, and items without the readings that win nothing. Pure.

An item is the JSON that devices.rules.stream makes; what is not changed stays the bytes that it was.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bridge.messages import Delta
from devices.rules.described import descriptions
from devices.web.live.stream.merge_patches import composed

MAX_MERGED_BYTES: Final = 256 * 1024  # of one item; a frame holds at least one

_NULL: Final = b"null"
_DESCRIPTION: Final = b'"description":'

_encode = msgspec.json.Encoder().encode


class _Item(Struct, omit_defaults=True):
    """One of a delta frame's items, its sections left as the bytes that they are."""

    device: str
    prev: int
    rev: int
    readings: Raw
    metrics: Raw | UnsetType = UNSET
    reported: Raw | UnsetType = UNSET
    desired: Raw | UnsetType = UNSET
    desired_version: Raw | UnsetType = UNSET
    presence: Raw | UnsetType = UNSET
    tags: Raw | UnsetType = UNSET
    description: Raw | UnsetType = UNSET


class _Reading(Struct):
    """What decides which of several readings wins a metric."""

    rev: int
    ts: int
    metrics: dict[str, Raw]


class _Value(Struct):
    """A metric's value in a ``metrics`` section."""

    ts: int


_item = msgspec.json.Decoder(_Item).decode
_raws = msgspec.json.Decoder(list[Raw]).decode
_reading = msgspec.json.Decoder(_Reading).decode
_values = msgspec.json.Decoder(dict[str, Raw]).decode
_value = msgspec.json.Decoder(_Value).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode


def merged(deltas: Sequence[Delta]) -> list[Delta]:
    """As few deltas as do the same. ``deltas`` are of one device, each from where the one before ended."""
    out: list[_Item] = []
    for delta in deltas:
        item = _item(delta.item)
        together = _joined(out[-1], item) if out else None
        if together is None:
            out.append(item)
        else:
            out[-1] = together
    return [_delta(item) for item in out]


def latest(deltas: Iterable[Delta]) -> list[Delta]:
    """The same deltas without the readings that another of the same item beats in every metric, by the time rule."""
    return [_thinned(delta) for delta in deltas]


def brief(delta: Delta) -> Delta:
    """The same delta with as much of what the device is as a list of devices shows."""
    if _DESCRIPTION not in delta.item:
        return delta
    item = _item(delta.item)
    if item.description is UNSET or bytes(item.description) == _NULL:
        return delta
    item.description = Raw(_encode(descriptions.brief(_object(item.description))))
    return _delta(item)


def brief_snapshot(snapshot: bytes) -> bytes:
    """A device of a snapshot frame, likewise."""
    if _DESCRIPTION not in snapshot:
        return snapshot
    members = _values(snapshot)
    if "description" in members:
        members["description"] = Raw(_encode(descriptions.brief(_object(members["description"]))))
    return _encode(members)


def _delta(item: _Item) -> Delta:
    return Delta(item.device, item.prev, item.rev, _encode(item))


def _joined(first: _Item, second: _Item) -> _Item | None:
    """Both as one; None when no single item does it, or it would be too large."""
    if len(first.readings) + len(second.readings) > MAX_MERGED_BYTES:
        return None
    reported = _both(first.reported, second.reported)
    desired = _both(first.desired, second.desired)
    metrics, description = _filled(first, second), _described(first.description, second.description)
    if reported is None or desired is None or metrics is None or description is None:
        return None
    return _Item(
        device=first.device,
        prev=first.prev,
        rev=second.rev,
        readings=_concatenated(first.readings, second.readings),
        metrics=metrics,
        reported=reported,
        desired=desired,
        desired_version=_later(first.desired_version, second.desired_version),
        presence=_later(first.presence, second.presence),  # always whole
        tags=_later(first.tags, second.tags),
        description=description,
    )


def _later(first: Raw | UnsetType, second: Raw | UnsetType) -> Raw | UnsetType:
    return first if second is UNSET else second


def _both(first: Raw | UnsetType, second: Raw | UnsetType) -> Raw | UnsetType | None:
    """Two merge patches of a section as one; None when that can't be."""
    if first is UNSET or second is UNSET:
        return _later(first, second)
    patch = composed(_object(first), _object(second))
    return None if patch is None else Raw(_encode(patch))


def _described(first: Raw | UnsetType, second: Raw | UnsetType) -> Raw | UnsetType | None:
    """The same of descriptions, which may go as a whole: nothing can be put there then, but by a patch of its own."""
    if isinstance(first, Raw) and bytes(first) == _NULL:
        return first if second is UNSET else None
    return second if isinstance(second, Raw) and bytes(second) == _NULL else _both(first, second)


def _concatenated(first: Raw, second: Raw) -> Raw:
    one, other = bytes(first)[1:-1], bytes(second)[1:-1]
    return Raw(b"[" + one + (b"," if one and other else b"") + other + b"]")


def _filled(first: _Item, second: _Item) -> Raw | UnsetType | None:
    """Metrics that no reading explains. A client applies them after the readings: the beaten ones must go.

    None when that can't be: a reading brings a metric again that was removed before.
    """
    if first.metrics is UNSET:
        return second.metrics
    metrics = _values(first.metrics)
    for raw in _raws(second.readings):
        reading = _reading(raw)
        for name in reading.metrics.keys() & metrics.keys():
            if bytes(metrics[name]) == _NULL:
                return None
            if reading.ts >= _value(metrics[name]).ts:
                del metrics[name]
    if second.metrics is not UNSET:
        metrics |= _values(second.metrics)
    return Raw(_encode(metrics)) if metrics else UNSET


def _thinned(delta: Delta) -> Delta:
    item = _item(delta.item)
    raws = _raws(item.readings)
    if len(raws) < 2:
        return delta
    winner: dict[str, tuple[int, int]] = {}  # metric → (ts, index)
    for index, raw in enumerate(raws):
        reading = _reading(raw)
        for name in reading.metrics:
            if reading.ts >= winner.get(name, (reading.ts, 0))[0]:
                winner[name] = (reading.ts, index)
    keep = sorted({index for _, index in winner.values()})
    if len(keep) == len(raws):
        return delta
    item.readings = Raw(b"[" + b",".join(bytes(raws[index]) for index in keep) + b"]")
    return _delta(item)
