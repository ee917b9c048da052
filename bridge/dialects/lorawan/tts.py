"""The Things Stack: ``v3/{application}@{tenant}/devices/{device}/…``, JSON."""

from collections.abc import Iterator, Sequence
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
from bridge.dialects.forms.names import key_part_of
from bridge.dialects.lorawan import link
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

NAME: Final = "tts"
_OURS: Final = "causeway:"  # before a command's id, among the correlation ids
_DOWN: Final = frozenset({"queued", "sent", "ack", "nack", "failed"})
_FILTERS: Final = ("up", "join", *(f"down/{kind}" for kind in sorted(_DOWN)), "location/solved")


class Device(Struct, frozen=True, omit_defaults=True):
    """What is known of a device."""

    application: str = ""  # with its tenant, as in topics
    device_id: str = ""
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""
    firmware: str = ""
    serial: str = ""
    metrics: tuple[str, ...] = ()  # those of which something is known


Live = tuple[str, ...]  # the last uplinks, by session and frame count


class TtsDialect(SimpleDialect):
    """The devices of a Things Stack.

    Args:
        bases: the topics' beginning, by default ``v3``.
        topic_root: of Causeway's own topics.

    Raises:
        ValueError: a base can't be one.
    """

    name = NAME
    revision = 1
    state_types = (Device, Live)

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._sites: Final = {one.base or "v3": one.site for one in bases}
        if any(base.split("/")[0] == topic_root or topic_name_error(base) for base in self._sites):
            raise ValueError("its base is a topic without wildcards, outside of Causeway's own")

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol."""
        return tuple(Filter(f"{base}/+/devices/+/{levels}", keep=True) for base in self._sites for levels in _FILTERS)

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(f"{base}/+/devices/+/down/push" for base in self._sites)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        for base, site in self._sites.items():
            if topic.startswith(f"{base}/"):
                return _sorted(site, topic[len(base) + 1 :].split("/"))
        return None

    def example(self, source: str) -> str:
        """See the protocol."""
        site = source.partition("/")[0]
        base = next((base for base, one in self._sites.items() if one == site), "v3")
        return f"{base}/application/devices/device/up"

    def topics(self, state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        base, known = self.example(device).removesuffix("/application/devices/device/up"), state.model
        of_device = f"{base}/{known.application or '+'}/devices/{known.device_id or '+'}"
        return tuple(f"{of_device}/{levels}" for levels in _FILTERS)

    def fresh(self) -> State:
        """See the protocol."""
        return State(Device(), ())

    def read(self, state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        if not delivery.payload:
            return Reading((Said(delivery.source, Cleared()),))
        try:
            return _read(state, delivery)
        except MalformedError as bad:
            return Reading((Said(delivery.source, bad.malformed),))

    def describe(self, state: State, _device: str) -> Description | None:
        """See the protocol."""
        return _description(state.model) if state.model.device_id else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """See the protocol."""
        known: Device = state.model
        base = next((base for base, one in self._sites.items() if one == device.partition("/")[0]), None)
        if command.name != "downlink":
            return Refused("unknown_command", "it takes downlinks only")
        if base is None or not known.device_id:
            return Refused("unknown_device", "nothing came from it yet")
        try:
            args = link.args_of(decode_json(command.args))
        except MalformedError:
            return Refused("bad_args", "no JSON")
        if isinstance(args, Refused):
            return args
        downlink = {
            "f_port": args.f_port,
            **({"frm_payload": args.data} if args.object is None else {"decoded_payload": args.object}),
            "priority": "NORMAL",
            "confirmed": args.confirmed,
            "correlation_ids": [f"{_OURS}{command.command_id}"],
        }
        topic = f"{base}/{known.application}/devices/{known.device_id}/down/push"
        payload = msgspec.json.encode({"downlinks": [downlink]})
        return Rendered((Publication(topic, payload, qos=0, expires_ms=command.expires_ms),), "exact", "once")


def _sorted(site: str, levels: list[str]) -> Sorted:
    match levels:
        case [application, "devices", device, *rest] if application and device:
            match rest:
                case ["up" | "join"]:
                    kind = rest[0]
                case ["down", ("push" | "replace")]:
                    return OWN_DOWNLINK
                case ["down", kind] if kind in _DOWN:
                    pass
                case ["location", "solved"]:
                    kind = "location"
                case ["service", "data"]:
                    return RejectedTopic("ignored")
                case _:
                    return RejectedTopic("unknown_suffix")
            source = key_part_of(application.partition("@")[0], device)
            return Route(NAME, f"{site}/{source}", kind, f"{application}/{device}")
    return RejectedTopic("unknown_suffix")


# Uplinks ----------------------------------------------------------------------------------------------------------


def _read(state: State, delivery: Delivery) -> Reading:
    if len(delivery.payload) > MAX_PAYLOAD_BYTES:
        raise MalformedError("too_large", f"{len(delivery.payload)} bytes")
    event = decode_json(delivery.payload)
    if not isinstance(event, dict):
        raise MalformedError("not_an_object", delivery.kind)
    check_size(event)
    frame, before = _frame(event), state.model
    application, _, device_id = delivery.detail.partition("/")
    here: Device = replace(before, application=application, device_id=device_id)
    if frame and frame in state.live:
        return Reading(state=State(before if here == before else here, state.live))
    said = list(_said(delivery.kind, event, Sieve(len(delivery.payload))))
    metrics = [name for what in said if isinstance(what, Telemetry) for one in what.readings for name in one.metrics]
    device = _known(here, event, metrics)
    if replace(device, application="") != replace(before, application=""):
        said.insert(0, Described(_description(device)))
    live = (*state.live, frame)[-link.REMEMBERED :] if frame else state.live
    after = State(before if device == before else device, live)
    return Reading(tuple(Said(delivery.source, what) for what in said), state=after)


def _frame(event: dict[str, Any]) -> str:
    """Which uplink of which session it is; empty: none."""
    session = link.text(event, "uplink_message", "session_key_id")
    count = link.number(link.within(event, "uplink_message", "f_cnt")) or 0  # a zero is left out
    return f"{session}:{count}" if session else ""


def _known(before: Device, event: dict[str, Any], metrics: list[str]) -> Device:
    def version(name: str) -> str:
        found = link.text(event, "uplink_message", "version_ids", name)
        return "" if found.startswith("_unknown") else found

    return replace(
        before,
        manufacturer=version("brand_id") or before.manufacturer,
        model=version("model_id") or before.model,
        hardware=version("hardware_version") or before.hardware,
        firmware=version("firmware_version") or before.firmware,
        serial=link.text(event, "end_device_ids", "dev_eui").lower() or before.serial,
        metrics=link.known(before.metrics, metrics),
    )


def _said(kind: str, event: dict[str, Any], sieve: Sieve) -> Iterator[Decoded]:
    match kind:
        case "up":
            yield from _uplink(event, sieve)
        case "location":
            where = link.place(link.within(event, "location_solved", "location"))
            yield Telemetry((RawReading(timestamp_ms(event.get("received_at")), where),) if where else ())
        case "join":
            yield EventReported("join", {"dev_addr": link.text(event, "end_device_ids", "dev_addr")})
        case _:
            yield from _answers(kind, event)


def _uplink(event: dict[str, Any], sieve: Sieve) -> Iterator[Decoded]:
    message = event.get("uplink_message")
    if not isinstance(message, dict):
        raise MalformedError("not_an_object", "uplink_message")
    ts_ms = timestamp_ms(message.get("received_at") or event.get("received_at"))
    decoded, others = message.get("decoded_payload"), []
    values: dict[str, Any] = dict(decoded) if isinstance(decoded, dict) else {}
    measured = message.get("normalized_payload")
    for one in measured if isinstance(measured, list) else ():
        if isinstance(one, dict) and one.get("time"):
            inner = sieve.flattened({name: value for name, value in one.items() if name != "time"})
            others.append(RawReading(timestamp_ms(one["time"]), inner))
        elif isinstance(one, dict):
            values |= one
    located = link.within(message, "locations", "frm-payload")  # not where somebody has registered it
    count = link.number(message.get("f_cnt")) or 0
    values |= {**link.best(message.get("rx_metadata")), "lora.f_cnt": count, **link.place(located)}
    readings = (*others, RawReading(ts_ms, sieve.flattened(values)))
    yield Telemetry(tuple(one for one in readings if one.metrics), sieve.notes)
    warnings = message.get("decoded_payload_warnings")
    if isinstance(warnings, list) and warnings:
        yield EventReported("decoder_warning", {"warnings": sieve.storable(warnings[:20])})


# Downlinks --------------------------------------------------------------------------------------------------------


def _answers(kind: str, event: dict[str, Any]) -> Iterator[Decoded]:
    """What became of a downlink of ours: ``nack`` is no end, the server tries again."""
    detail = link.within(event, f"downlink_{kind}")
    inner = link.within(detail, "downlink") if kind == "failed" else detail
    found = link.within(inner, "correlation_ids") or event.get("correlation_ids")
    ids = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    command_id = next((one.removeprefix(_OURS) for one in ids if one.startswith(_OURS)), "")
    if not command_id:
        return
    if kind == "sent":
        yield CommandAck(command_id, "accepted" if link.within(detail, "confirmed") is True else "done")
    elif kind == "ack":
        yield CommandAck(command_id, "done")
    elif kind == "failed":
        reason = link.text(detail, "error", "message_format") or link.text(detail, "error", "name")
        yield CommandAck(command_id, "failed", reason=reason or "failed")


def _description(device: Device) -> Description:
    return Description(
        name=device.device_id,
        manufacturer=device.manufacturer,
        model=device.model,
        hardware=device.hardware,
        firmware=device.firmware,
        serial=device.serial,
        properties=link.described(device.metrics),
        actions=(link.DOWNLINK,),
        stale_after_s=link.SILENT_S,
        origin="the things stack 3",
        dialect=NAME,
    )
