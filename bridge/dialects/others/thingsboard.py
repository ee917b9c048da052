"""ThingsBoard's gateway topics, ``v1/gateway/…``: one gateway speaks for many devices, which it names in payloads.

``v1/devices/me/…`` says nothing of who speaks (there it is the login), so that it can't be read on a plain broker.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    Base,
    Command,
    Filter,
    Publication,
    Reading,
    Refused,
    RejectedTopic,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.forms.names import key_part
from bridge.json_limits import (
    MAX_MESSAGE_LEAVES,
    MAX_PAYLOAD_BYTES,
    MalformedError,
    check_size,
    decode_json,
    json_type,
)
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    CommandAck,
    Decoded,
    Described,
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)
from bridge.timestamps import timestamp_ms
from bridge.topic_filters import topic_name_error

NAME: Final = "thingsboard"
_BASE: Final = "v1/gateway"
_KINDS: Final = ("telemetry", "attributes", "connect", "disconnect", "rpc")
_NAMELESS: Final = "v1/devices/me/"
_MOST_DEVICES: Final = 5_000
_MOST_NAME: Final = 128  # characters


class Device(Struct, frozen=True, omit_defaults=True, array_like=True):
    """What is known of a device."""

    name: str
    type: str = ""


Model = dict[str, Device]  # by its part of the key


class ThingsBoardDialect(SimpleDialect):
    """Gateways' devices.

    Args:
        bases: the topics' beginning, by default ``v1/gateway``.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base can't be one.
    """

    name = NAME
    revision = 1
    state_types = (Model, None)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sources: Final = {
            one.base or _BASE: f"{one.site}/{key_part(one.base) if one.base not in ('', _BASE) else 'tb'}"
            for one in bases
        }
        if any(base.split("/")[0] == topic_root or topic_name_error(base) for base in self._sources):
            raise ValueError("its base is a topic without wildcards, outside of Causeway's own")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. (``claim`` has secrets: it is not even listened to.)"""
        nameless = (Filter(f"{_NAMELESS}telemetry"),) if _BASE in self._sources else ()
        ours = (Filter(f"{base}/{kind}", keep=True) for base in self._sources for kind in _KINDS)
        return (*ours, *nameless)

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(f"{base}/rpc" for base in self._sources)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        base, _, kind = topic.rpartition("/")
        if base in self._sources:
            status = kind in ("connect", "disconnect")
            known = kind in _KINDS
            return Route(NAME, self._sources[base], kind, status=status) if known else RejectedTopic("ignored")
        if topic.startswith(_NAMELESS) and _BASE in self._sources:
            return RejectedTopic("no_device_in_topic")
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        return f"{self._base_of(source) or _BASE}/telemetry"

    def _base_of(self, source: str) -> str | None:
        return next((base for base, one in self._sources.items() if one == source), None)

    def topics(self, _state: State, device: str) -> tuple[str, ...]:
        """See the protocol: a gateway's devices share its topics."""
        base = self._base_of(device.partition("~")[0])
        return tuple(f"{base}/{kind}" for kind in _KINDS) if base else ()

    def fresh(self) -> State:
        """See the protocol."""
        return State({})

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        try:
            return _read(state, delivery)
        except MalformedError as bad:
            return Reading(malformed=bad.malformed)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        source, _, part = device.partition("~")
        return _description(source, state.model[part]) if part in state.model else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol: any command is a method of the device's."""
        source, _, part = device.partition("~")
        base = self._base_of(source)
        if base is None or part not in state.model:
            return Refused("unknown_device", "its gateway has not named it yet")
        number = int(command.command_id.replace("-", "")[:8], 16) & 0x7FFF_FFFF
        data = {"id": number, "method": command.name, "params": msgspec.Raw(command.args)}
        payload = msgspec.json.encode({"device": state.model[part].name, "data": data})
        publication = Publication(f"{base}/rpc", payload, expires_ms=command.expires_ms)
        return Rendered((publication,), "exact", "once", answer_to=str(number))


def _read(state: State, delivery: Delivery) -> Reading:
    if len(delivery.payload) > MAX_PAYLOAD_BYTES:
        raise MalformedError("too_large", f"{len(delivery.payload)} bytes")
    value = decode_json(delivery.payload)
    if not isinstance(value, dict):
        raise MalformedError("not_an_object", f"{delivery.kind} is {json_type(value)}")
    check_size(value, MAX_MESSAGE_LEAVES)
    sieve = Sieve(len(delivery.payload))
    match delivery.kind:
        case "telemetry" | "attributes":
            found = [(name, "", inner) for name, inner in value.items()]
        case _:
            kind = value.get("type")
            found = [(value.get("device"), kind if isinstance(kind, str) else "", value)]
    return _said(state, delivery, found, sieve)


def _said(state: State, delivery: Delivery, found: list[tuple[Any, str, Any]], sieve: Sieve) -> Reading:
    model: Model = dict(state.model)
    said: list[Said] = []
    for name, kind, value in found:
        if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME or "\0" in name:
            continue
        what = list(_of_device(delivery.kind, value, sieve))
        part = key_part(name)
        device = model.get(part, Device(name))
        device = replace(device, type=kind) if kind else device
        if not what or (part not in model and len(model) >= _MOST_DEVICES):
            continue
        key = f"{delivery.source}~{part}"
        if model.get(part) != device:
            model[part] = device
            said.append(Said(key, Described(_description(delivery.source, device))))
        said += [Said(key, one) for one in what]
    after = State(model) if model != state.model else None
    names_none = not said and delivery.kind != "rpc" and found
    return Reading(tuple(said), "no_device_named" if names_none else "", state=after)


def _of_device(kind: str, value: Any, sieve: Sieve) -> Iterator[Decoded]:
    """What a message says of one device: a malformed part harms no neighbour."""
    try:
        match kind:
            case "connect" | "disconnect":
                yield StatusReported(kind == "connect")
            case "attributes" if isinstance(value, dict):
                yield StatePatch(sieve.storable(value), sieve.notes)
            case "telemetry" if isinstance(value, list):
                readings = [_reading(one, sieve) for one in value if isinstance(one, dict)]
                yield Telemetry(tuple(one for one in readings if one.metrics), sieve.notes)
            case "rpc":
                yield from _answer(value, sieve)
            case _:
                raise MalformedError("not_an_object", f"{kind} is {json_type(value)}")  # noqa: TRY301
    except MalformedError as bad:
        yield bad.malformed


def _reading(value: dict[str, Any], sieve: Sieve) -> RawReading:
    inner = value.get("values")
    ts_ms = timestamp_ms(value.get("ts"))
    return RawReading(ts_ms, sieve.flattened(inner if isinstance(inner, dict) else value))


def _answer(value: dict[str, Any], sieve: Sieve) -> Iterator[Decoded]:
    """An answer to a command; a command has a method (ours come back from brokers without No Local)."""
    data, number = value.get("data"), value.get("id")
    if isinstance(data, dict) and "method" in data:
        return
    if isinstance(number, int | str) and not isinstance(number, bool):
        failed = isinstance(data, dict) and (data.get("success") is False or "error" in data)
        reason = str(data.get("error") or "failed")[:200].replace("\0", "") if isinstance(data, dict) else None
        result = sieve.storable(data)
        yield CommandAck(str(number)[:64], "failed" if failed else "done", result, reason if failed else None)


def _description(source: str, device: Device) -> Description:
    return Description(name=device.name, model=device.type, via=source, origin="thingsboard gateway", dialect=NAME)
