"""``definition.exposes`` of a device: what its payloads mean (zigbee-herdsman-converters, lib/exposes.ts).

    generic    binary, numeric, enum, text, list, composite: has a property, perhaps features within
    specific   light, switch, fan, cover, lock, climate: no property, features as generic ones

Whatever else stands there is left out: nothing here raises.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from bridge.descriptions import Kind
from bridge.dialects.forms.texts import choices, label, number
from bridge.dialects.zigbee2mqtt.model import Feature
from bridge.json_limits import MalformedError, decode_json

MOST_FEATURES: Final = 200
_MOST_DEPTH: Final = 4
_MOST_KNOWN: Final = 128  # models
_MOST_KNOWN_BYTES: Final = 32 * 1024  # of one, as JSON
_KINDS: Final[dict[str, Kind]] = {"binary": "boolean", "numeric": "number", "enum": "enum", "list": "json"}
_NESTED: Final = ("composite",)


def features_in(written: bytes) -> tuple[Feature, ...]:
    """All values in ``exposes`` (JSON), each once: the first of a metric counts."""
    return _known(written) if len(written) <= _MOST_KNOWN_BYTES else _read(written)


@lru_cache(maxsize=_MOST_KNOWN)
def _known(written: bytes) -> tuple[Feature, ...]:
    """Devices of one model expose the same, and a bridge lists all of them at each change of one."""
    return _read(written)


def _read(written: bytes) -> tuple[Feature, ...]:
    try:
        return features(decode_json(written))
    except MalformedError:
        return ()


def features(exposes: Any) -> tuple[Feature, ...]:
    """The same in decoded JSON."""
    found: dict[str, Feature] = {}
    for feature in _all(exposes, (), "", 0):
        if len(found) == MOST_FEATURES:
            break
        found.setdefault(feature.metric, feature)
    return tuple(found.values())


def _all(exposes: Any, path: tuple[str, ...], of: str, depth: int) -> Iterator[Feature]:
    if not isinstance(exposes, list) or depth > _MOST_DEPTH:
        return
    for one in exposes:
        if isinstance(one, dict):
            yield from _of(one, path, of, depth)


def _of(expose: dict[str, Any], path: tuple[str, ...], of: str, depth: int) -> Iterator[Feature]:
    kind, name = expose.get("type"), label(expose.get("property"))
    if not isinstance(kind, str):
        return
    if not name:
        yield from _all(expose.get("features"), path, kind, depth + 1)
    elif kind in _NESTED:
        yield from _all(expose.get("features"), (*path, name), of, depth + 1)
    else:
        yield _feature(expose, kind, (*path, name), of)


def _feature(expose: dict[str, Any], kind: str, path: tuple[str, ...], of: str) -> Feature:
    access = expose.get("access")
    return Feature(
        path=path,
        label=_label(expose),
        kind=_KINDS.get(kind, "text"),
        unit=label(expose.get("unit"), 16),
        access=access if type(access) is int else 1,
        low=number(expose.get("value_min")),
        high=number(expose.get("value_max")),
        step=number(expose.get("value_step")),
        values=choices(expose.get("values")),
        on=_word(expose.get("value_on")),
        off=_word(expose.get("value_off")),
        toggle=label(expose.get("value_toggle")),
        diagnostic=expose.get("category") == "diagnostic",
        of=of,
    )


def _label(expose: dict[str, Any]) -> str:
    text, endpoint = label(expose.get("label")), label(expose.get("endpoint"), 32)
    return f"{text} {endpoint}" if text and endpoint else text


def _word(value: Any) -> Any:
    """A word for true or false; text, a number or a boolean."""
    return value if isinstance(value, bool | int | float) else label(value) or None
