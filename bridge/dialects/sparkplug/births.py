"""Births and deaths: what a node and its devices are from then on."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from bridge.descriptions import Action, Description, Property
from bridge.dialects.dialect import Said
from bridge.dialects.forms.names import key_part
from bridge.dialects.sparkplug import payloads
from bridge.dialects.sparkplug.model import (
    BD_SEQ,
    CONTROLS,
    MOST_ALIASES,
    MOST_METRICS,
    NODE,
    PROPERTIES,
    Metric,
    Node,
    Table,
)
from bridge.dialects.sparkplug.values import born, described, is_name, is_reading, telemetry
from bridge.json_values import Notes
from bridge.observations import Described, Echo, Scalar, StatePatch, StatusReported

_MEMBERS: Final = {
    "hardware make": "manufacturer",
    "manufacturer": "manufacturer",
    "hardware model": "model",
    "model": "model",
    "fw": "firmware",
    "firmware": "firmware",
    "firmware version": "firmware",
    "serial number": "serial",
}


def key_of(source: str, device: str) -> str:
    """The key of a node, or of a device behind it."""
    return f"{source}~{key_part(device)}" if device else source


def bd_seq_of(payload: payloads.Payload) -> int:
    """The birth and death sequence number that it tells; -1: none."""
    for one in payload.metrics:
        if one.name == BD_SEQ:
            value = one.value(one.datatype or payloads.UINT64)
            return value if isinstance(value, int) and value >= 0 else -1
    return -1


def with_birth(node: Node, device: str, payload: payloads.Payload) -> tuple[Node, Notes]:
    """The node once it, or a device of it, was born with this, and what was left out."""
    notes, left_out = Notes(), 0
    metrics: dict[str, Metric] = {}
    others = {one: table for one, table in node.tables.items() if one != device}
    if device == NODE:  # whatever it had is to be born again
        others = {
            one: replace(table, alive=False, awaited=table.alive or table.awaited) for one, table in others.items()
        }
    aliases = {} if device == NODE else {one: at for one, at in node.aliases.items() if at[0] != device}
    for one in payload.metrics:
        name = one.name
        if name == BD_SEQ or not name:
            continue
        taken = is_name(name) and (name in metrics or len(metrics) < MOST_METRICS)
        if taken:
            metrics[name] = born(one)
        else:
            left_out += 1
            notes.note("too_many_metrics" if is_name(name) else "bad_metric_name", name, len(payload.metrics))
        if one.alias >= 0 and len(aliases) < MOST_ALIASES:
            aliases[one.alias] = (device, name if taken else "")
    table = replace(Table(metrics, left_out), **_made_by(payload))
    return Node(node.group, node.node, {**others, device: table}, aliases), notes


def _made_by(payload: payloads.Payload) -> dict[str, str]:
    """Who made it, as far as its properties tell."""
    found: dict[str, str] = {}
    for one in payload.metrics:
        member = _MEMBERS.get(one.name.removeprefix(PROPERTIES).lower()) if one.name.startswith(PROPERTIES) else None
        value = one.value(one.datatype)
        if member and isinstance(value, str):
            found[member] = value.replace("\0", "")[:200]
    return found


def told(source: str, before: Node, node: Node, device: str, payload: payloads.Payload) -> Iterator[Said]:
    """What a birth says, but for its readings' notes."""
    key = key_of(source, device)
    yield Said(key, Described(description(source, node, device)))
    yield Said(key, StatusReported(online=True))
    patch = state_patch(payload, node.tables[device])
    gone = dict.fromkeys(_state_names(before.tables.get(device)) - _state_names(node.tables[device]))
    if patch or gone:
        yield Said(key, StatePatch({"properties": {**gone, **patch}}))
    controls = control_echo(payload, node.tables[device])
    if controls:
        yield Said(key, Echo(controls))


def _state_names(table: Table | None) -> set[str]:
    return {name.removeprefix(PROPERTIES) for name in (table.metrics if table else ()) if name.startswith(PROPERTIES)}


def state_patch(payload: payloads.Payload, table: Table) -> dict[str, Any]:
    """What a payload tells of what the device is."""
    return {
        one.name.removeprefix(PROPERTIES): _storable(one.value(one.datatype or table.metrics[one.name].datatype))
        for one in payload.metrics
        if one.name.startswith(PROPERTIES) and one.name in table.metrics
    }


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value if value == value else None  # noqa: PLR0124  NaN


def control_echo(payload: payloads.Payload, table: Table) -> dict[str, Scalar]:
    """The values of controls that a payload tells: a command that set one is done."""
    return {
        one.name: _storable(one.value(one.datatype or table.metrics[one.name].datatype))
        for one in payload.metrics
        if one.name.startswith(CONTROLS) and one.name in table.metrics
    }


def readings(node: Node, device: str, payload: payloads.Payload, size: int, notes: Notes) -> Any:
    """A birth's values."""
    metrics = node.tables[device].metrics
    found = [
        (one.name, one.datatype, one)
        for one in payload.metrics
        if one.name in metrics and is_reading(one.name) and one.datatype in payloads.READ
    ]
    return telemetry(found, payload, size, notes)


# Descriptions -----------------------------------------------------------------------------------------------------


def description(source: str, node: Node, device: str) -> Description:
    """A node or a device as all dialects describe it."""
    table = node.tables[device]
    return Description(
        name=device or node.node,
        manufacturer=table.manufacturer,
        model=table.model,
        firmware=table.firmware,
        serial=table.serial,
        via=source if device else "",
        properties=tuple(described(name, one) for name, one in table.metrics.items() if is_reading(name)),
        actions=tuple(_actions(table)),
        stale_after_s=None,  # the broker tells of its end
        origin="sparkplug B",
        dialect="sparkplug",
    )


def _actions(table: Table) -> Iterator[Action]:
    for name, control in actions(table).items():
        one = table.metrics.get(control)
        boolean = one is None or one.datatype == payloads.BOOLEAN
        args = () if boolean or one is None else (Property("value", kind=described(control, one).kind),)
        yield Action(name, control.partition("/")[2], args, ack="echo")


def actions(table: Table) -> dict[str, str]:
    """Names of actions, and the controls that they set."""
    found = {name for name in table.metrics if name.startswith(CONTROLS)}
    return {key_part(name.partition("/")[2].lower()): name for name in sorted(found)}
