"""ChirpStack v4: ``application/{application}/device/{EUI}/event/{kind}``, with JSON or Protocol Buffers."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    OWN_DOWNLINK,
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
from bridge.dialects.forms import cayenne
from bridge.dialects.forms.protobuf import WireError
from bridge.dialects.lorawan import chirpstack_protobuf, link
from bridge.json_limits import MAX_PAYLOAD_BYTES, MalformedError, check_size, decode_json
from bridge.json_values import Sieve
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    CommandAck,
    Decoded,
    Described,
    EventReported,
    RawReading,
    Telemetry,
)
from bridge.timestamps import timestamp_ms
from bridge.topic_filters import topic_name_error

NAME: Final = "chirpstack"
_EUI: Final = re.compile(r"[0-9a-fA-F]{16}\Z")
_KINDS: Final = frozenset({"up", "join", "status", "location", "txack", "ack", "log"})
_LPP_PORT: Final = 99  # what Cayenne LPP is sent on
_UNCONFIRMED: Final = "8"  # version of the UUIDs that unconfirmed downlinks get: their end is the transmission


class Device(Struct, frozen=True, omit_defaults=True):
    """What is known of a device."""

    application: str = ""
    name: str = ""
    profile: str = ""
    tags: dict[str, str] = {}
    metrics: tuple[str, ...] = ()  # those of which something is known


Live = tuple[str, ...]  # the last messages' deduplication ids


class ChirpStackDialect(SimpleDialect):
    """The devices of a ChirpStack.

    Args:
        bases: the topics' beginning, by default ``application``.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base can't be one.
    """

    name = NAME
    revision = 1
    state_types = (Device, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites: Final = {one.base or "application": one.site for one in bases}
        if any(base.split("/")[0] == topic_root or topic_name_error(base) for base in self._sites):
            raise ValueError("its base is a topic without wildcards, outside of Causeway's own")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol."""
        return tuple(Filter(f"{base}/+/device/+/event/+", keep=True) for base in self._sites)

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(f"{base}/+/device/+/command/down" for base in self._sites)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for base, site in self._sites.items():
            if topic.startswith(f"{base}/"):
                return _sorted(site, topic[len(base) + 1 :].split("/"))
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        site, _, eui = source.partition("/")
        base = next((base for base, one in self._sites.items() if one == site), "application")
        return f"{base}/-/device/{eui}/event/up"

    def topics(self, _state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        return (self.example(device).replace("/-/", "/+/").removesuffix("up") + "+",)

    def fresh(self) -> State:
        """See the protocol."""
        return State(Device(), ())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        try:
            event = _event(delivery.kind, delivery.payload)
            ts_ms = timestamp_ms(event.get("time"))
        except MalformedError as bad:
            return Reading((Said(delivery.source, bad.malformed),))
        if "deviceInfo" not in event and "devEUI" in event:
            return Reading(rejected="chirpstack_v3")
        seen = link.text(event, "deduplicationId")
        if seen and seen in state.live:
            return Reading()
        return _read(state, delivery, event, ts_ms, seen)

    def describe(self, state: State, device: str) -> Description | None:
        """See the protocol."""
        return _description(device, state.model) if state.model.application else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        site, _, eui = device.partition("/")
        base = next((base for base, one in self._sites.items() if one == site), None)
        if command.name != "downlink":
            return Refused("unknown_command", "it takes downlinks only")
        if base is None or not state.model.application:
            return Refused("unknown_device", "nothing came from it yet")
        try:
            args = link.args_of(decode_json(command.args))
        except MalformedError:
            return Refused("bad_args", "no JSON")
        if isinstance(args, Refused):
            return args
        queue_id = command.command_id if args.confirmed else _unconfirmed(command.command_id)
        payload = {
            "id": queue_id,
            "devEui": eui,
            "confirmed": args.confirmed,
            "fPort": args.f_port,
            **({"data": args.data} if args.object is None else {"object": args.object}),
            "expiresAt": datetime.fromtimestamp(command.expires_ms / 1000, UTC).isoformat().replace("+00:00", "Z"),
        }
        topic = f"{base}/{state.model.application}/device/{eui}/command/down"
        publication = Publication(topic, msgspec.json.encode(payload), expires_ms=command.expires_ms)
        return Rendered((publication,), "exact", "once", answer_to=queue_id)


def _sorted(site: str, levels: list[str]) -> Sorted:
    match levels:
        case [application, "device", eui, "event", kind] if application and _EUI.match(eui):
            if kind not in _KINDS:
                return RejectedTopic("ignored" if kind == "integration" else "unknown_suffix")
            return Route(NAME, f"{site}/{eui.lower()}", kind, application)
        case [_, "device", _, "command", _]:
            return OWN_DOWNLINK
        case [_, "device", _, "event", _]:
            return RejectedTopic("bad_name")
    return RejectedTopic("unknown_suffix")


def _event(kind: str, payload: bytes) -> dict[str, Any]:
    """An event as an object.

    Raises:
        MalformedError: it is neither JSON nor Protocol Buffers, or too large.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedError("too_large", f"{len(payload)} bytes")
    event: Any
    if payload.lstrip()[:1] in (b"{", b"["):
        event = decode_json(payload)
        if not isinstance(event, dict):
            raise MalformedError("not_an_object", f"an event {kind}")
    else:
        try:
            event = chirpstack_protobuf.decode(kind, payload)
        except WireError as error:
            raise MalformedError("bad_protobuf", str(error)) from None
    check_size(event)
    return dict(event)


def _read(state: State, delivery: Delivery, event: dict[str, Any], ts_ms: int | None, seen: str) -> Reading:
    sieve, before = Sieve(len(delivery.payload)), state.model
    try:
        said = list(_said(delivery.kind, event, ts_ms, sieve))
    except MalformedError as bad:
        return Reading((Said(delivery.source, bad.malformed),))
    metrics = [name for what in said if isinstance(what, Telemetry) for one in what.readings for name in one.metrics]
    tags = link.within(event, "deviceInfo", "tags")
    device = replace(
        before,
        application=delivery.detail,
        name=link.text(event, "deviceInfo", "deviceName") or before.name,
        profile=link.text(event, "deviceInfo", "deviceProfileName") or before.profile,
        tags={link.text(name): link.text(one) for name, one in tags.items()} if isinstance(tags, dict) else before.tags,
        metrics=link.known(before.metrics, metrics),
    )
    if device != before:
        said.insert(0, Described(_description(delivery.source, device)))
    live = (*state.live, seen)[-link.REMEMBERED :] if seen else state.live
    after = State(device if device != before else before, live)
    return Reading(tuple(Said(delivery.source, what) for what in said), state=after)


def _said(kind: str, event: dict[str, Any], ts_ms: int | None, sieve: Sieve) -> Iterator[Decoded]:
    match kind:
        case "up":
            yield from _readings(_uplink(event), ts_ms, sieve)
        case "status":
            yield from _readings({"lora": _status(event)}, ts_ms, sieve)
        case "location":
            yield from _readings(link.place(event.get("location")), ts_ms, sieve)
        case "txack":
            queue_id = link.text(event, "queueItemId")
            if queue_id:
                yield CommandAck(queue_id, "done" if queue_id[14:15] == _UNCONFIRMED else "accepted")
        case "ack":
            reason = None if event.get("acknowledged") is True else "not_acknowledged"
            if queue_id := link.text(event, "queueItemId"):
                yield CommandAck(queue_id, "failed" if reason else "done", reason=reason)
        case "log":
            data = {name: link.text(event, name) for name in ("level", "code", "description")}
            yield EventReported("log", data)
        case _:
            yield EventReported("join", {"devAddr": link.text(event, "devAddr")})


def _readings(values: dict[str, Any], ts_ms: int | None, sieve: Sieve) -> Iterator[Decoded]:
    metrics = sieve.flattened(values)
    yield Telemetry((RawReading(ts_ms, metrics),) if metrics else (), sieve.notes)


def _uplink(event: dict[str, Any]) -> dict[str, Any]:
    found = dict(event["object"]) if isinstance(event.get("object"), dict) else {}
    data = link.text(event, "data")
    if not found and data:
        found = _undecoded(data, event.get("fPort"))
    count = link.number(event.get("fCnt"))
    return {**found, **link.best(event.get("rxInfo")), "lora.fCnt": count or 0}  # zeros are left out in the event


def _undecoded(data: str, port: Any) -> dict[str, Any]:
    """What no codec of the server has read: Cayenne LPP by its port, else the text that it is."""
    try:
        payload = base64.b64decode(data)
    except (binascii.Error, ValueError):
        payload = b""
    read = cayenne.decode(payload) if port == _LPP_PORT else {}
    return {f"lpp.{name}": value for name, value in read.items()} or {"lora.data": data}


def _status(event: dict[str, Any]) -> dict[str, Any]:
    level = link.number(event.get("batteryLevel"))
    unknown = event.get("batteryLevelUnavailable") is True or event.get("externalPowerSource") is True
    return {
        "battery": None if unknown else level or 0,
        "margin": link.number(event.get("margin")) or 0,
        "external_power": event.get("externalPowerSource") is True,
    }


def _description(source: str, device: Device) -> Description:
    return Description(
        name=device.name,
        model=device.profile,
        serial=source.partition("/")[2],
        area=", ".join(f"{name}={value}" for name, value in device.tags.items())[:200],
        properties=link.described(device.metrics),
        actions=(link.DOWNLINK,),
        stale_after_s=link.SILENT_S,
        origin="chirpstack 4",
        dialect=NAME,
    )


def _unconfirmed(command_id: str) -> str:
    return f"{command_id[:14]}{_UNCONFIRMED}{command_id[15:]}"
