"""What a Sparkplug message says of which device, and what is known of the edge node after it."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.forms.protobuf import WireError
from bridge.dialects.sparkplug import births, payloads
from bridge.dialects.sparkplug.births import key_of
from bridge.dialects.sparkplug.model import (
    BD_SEQ,
    CONTROLS,
    MOST_DEVICES,
    NODE,
    PROPERTIES,
    Live,
    Node,
    Table,
    with_table,
)
from bridge.dialects.sparkplug.sequence import AWAITED_MS, followed, wanted
from bridge.dialects.sparkplug.values import telemetry
from bridge.messages import Delivery
from bridge.observations import Cleared, Doubted, Echo, Malformed, StatePatch, StatusReported

_Found = list[tuple[str, int, payloads.Metric]]  # name, datatype, and what came


def read(state: State, delivery: Delivery, group: str, name: str) -> Reading:
    """Read one message of the node ``name`` in ``group``."""
    if not delivery.payload:
        return Reading((Said(delivery.source, Cleared()),))
    try:
        payload = payloads.decode(delivery.payload)
    except WireError as error:
        return Reading(malformed=Malformed("bad_protobuf", str(error)))
    node: Node = state.model if state.model.node else Node(group, name)
    live: Live = state.live
    now_ms = delivery.received_ms
    match delivery.kind:
        case "NBIRTH":
            return _node_birth(node, live, delivery, payload)
        case "NDEATH":
            return _node_death(node, live, delivery.source, payload)
    if not live.born:
        return Reading(rejected="unborn", state=State(node, wanted(live, now_ms)))
    live = followed(live, payload.seq, now_ms)
    if not live.born:  # it was lost which names these aliases have
        return Reading(rejected="unborn", state=State(node, live))
    match delivery.kind:
        case "DBIRTH":
            reading = _device_birth(node, live, delivery, payload)
        case "DDEATH":
            reading = _device_death(node, live, delivery)
        case _:
            reading = _data(node, live, delivery, payload)
    return _without_awaited(reading, delivery)


# Births and deaths ------------------------------------------------------------------------------------------------


def _node_birth(node: Node, live: Live, delivery: Delivery, payload: payloads.Payload) -> Reading:
    after, notes = births.with_birth(node, NODE, payload)
    awaited = delivery.received_ms if any(one.awaited for one in after.tables.values()) else 0
    seq = -1 if payload.seq is None else payload.seq
    born = Live(
        born=True, bd_seq=births.bd_seq_of(payload), seq=seq, awaited_ms=awaited, asked_ms=live.asked_ms
    )  # as it was asked for: no more
    return Reading(tuple(_born(node, after, NODE, delivery, payload, notes)), state=State(after, born))


def _device_birth(node: Node, live: Live, delivery: Delivery, payload: payloads.Payload) -> Reading:
    if delivery.detail not in node.tables and len(node.tables) > MOST_DEVICES:
        return Reading(rejected="too_many_devices", state=State(node, live))
    after, notes = births.with_birth(node, delivery.detail, payload)
    return Reading(tuple(_born(node, after, delivery.detail, delivery, payload, notes)), state=State(after, live))


def _born(before: Node, node: Node, device: str, delivery: Delivery, payload: Any, notes: Any) -> Iterator[Said]:
    size = len(delivery.payload)
    yield from births.told(delivery.source, before, node, device, payload)
    yield Said(key_of(delivery.source, device), births.readings(node, device, payload, size, notes))


def _node_death(node: Node, live: Live, source: str, payload: payloads.Payload) -> Reading:
    """The will: of a session that has ended since, it says nothing."""
    if NODE not in node.tables:
        return Reading(rejected="unborn")
    bd_seq = births.bd_seq_of(payload)
    if bd_seq >= 0 and live.bd_seq >= 0 and bd_seq != live.bd_seq:
        return Reading(rejected="stale_death")
    tables = {device: replace(table, alive=False, awaited=False) for device, table in node.tables.items()}
    said = tuple(Said(key_of(source, device), StatusReported(online=False)) for device in tables)
    dead = Live(bd_seq=live.bd_seq, asked_ms=live.asked_ms)
    return Reading(said, state=State(Node(node.group, node.node, tables, {}), dead))


def _device_death(node: Node, live: Live, delivery: Delivery) -> Reading:
    table = node.tables.get(delivery.detail)
    if table is None:
        return Reading(rejected="unborn", state=State(node, live))
    dead = with_table(node, delivery.detail, replace(table, alive=False, awaited=False))
    said = Said(key_of(delivery.source, delivery.detail), StatusReported(online=False))
    return Reading((said,), state=State(dead, live))


def _without_awaited(reading: Reading, delivery: Delivery) -> Reading:
    """Devices that weren't born again with their node are nowhere."""
    state = reading.state
    if state is None or not state.live.awaited_ms or delivery.received_ms < state.live.awaited_ms + AWAITED_MS:
        return reading
    node: Node = state.model
    lost = [device for device, table in node.tables.items() if table.awaited]
    tables = {device: replace(table, awaited=False) for device, table in node.tables.items()}
    doubted = tuple(
        Said(key_of(delivery.source, device), Doubted("its edge node was born again, it wasn't")) for device in lost
    )
    after = State(Node(node.group, node.node, tables, node.aliases), replace(state.live, awaited_ms=0))
    if reading.rejected:
        return reading
    return Reading((*reading.said, *doubted), state=after)


# Data -------------------------------------------------------------------------------------------------------------


def _data(node: Node, live: Live, delivery: Delivery, payload: payloads.Payload) -> Reading:
    table = node.tables.get(delivery.detail)
    if table is None or not table.alive:
        return Reading(rejected="unborn", state=State(node, wanted(live, delivery.received_ms)))
    found: _Found = []
    for one in payload.metrics:
        name = _name_of(node, table, delivery.detail, one)
        if name is None:
            return Reading(rejected="unknown_alias", state=State(node, wanted(live, delivery.received_ms)))
        if name:
            one.name = name
            found.append((name, one.datatype or table.metrics[name].datatype, one))
    size = len(delivery.payload)
    said = tuple(Said(key_of(delivery.source, delivery.detail), what) for what in _told(table, found, payload, size))
    return Reading(said, state=State(node, live))


def _name_of(node: Node, table: Table, device: str, one: payloads.Metric) -> str | None:
    """The name of a metric; empty: it is left out; None: no birth has told it."""
    if one.alias >= 0 and one.alias in node.aliases:
        owner, name = node.aliases[one.alias]
        return name if owner == device and (not name or name in table.metrics) else None
    if one.name in table.metrics:
        return one.name
    return "" if table.left_out or one.name == BD_SEQ else None


def _told(table: Table, found: _Found, payload: payloads.Payload, size: int) -> Iterator[Any]:
    values = [one for one in found if one[1] in payloads.READ and not one[0].startswith((*CONTROLS, PROPERTIES))]
    yield telemetry(values, payload, size)
    if patch := births.state_patch(payload, table):
        yield StatePatch({"properties": patch})
    if controls := births.control_echo(payload, table):
        yield Echo(controls)
