"""Commands to edge nodes and devices: by name, as aliases may change, and at QoS 0, as the specification demands."""

from typing import Any

from bridge.dialects.dialect import Publication, Refused, Rendered
from bridge.dialects.forms.numbers import within
from bridge.dialects.sparkplug import payloads
from bridge.dialects.sparkplug.births import actions
from bridge.dialects.sparkplug.model import NODE, REBIRTH, Metric, Node, Table
from bridge.dialects.sparkplug.values import is_reading, kind_of
from bridge.observations import Scalar


def topic_of(namespace: str, node: Node, device: str) -> str:
    """Where a node or a device listens."""
    levels = ("NCMD", node.node) if device == NODE else ("DCMD", node.node, device)
    return "/".join((namespace, node.group, *levels))


def rebirth(namespace: str, node: Node, now_ms: int, expires_ms: int) -> Publication:
    """The request that a node tells anew what it has."""
    payload = payloads.encode(now_ms, [payloads.metric(REBIRTH, now_ms, payloads.BOOLEAN, value=True)])
    return Publication(topic_of(namespace, node, NODE), payload, qos=0, expires_ms=expires_ms)


def render(topic: str, table: Table, name: str, args: Any, now_ms: int, expires_ms: int) -> Rendered | Refused:
    """A command: ``set`` with values by metric, or an action."""
    if name == "set":
        return _set(topic, table, args, now_ms, expires_ms)
    control = actions(table).get(name)
    if control is None:
        return Refused("unknown_command", f"it has no {name[:64]!r}")
    one = table.metrics[control]
    value = args.get("value", True if one.datatype == payloads.BOOLEAN else None) if isinstance(args, dict) else None
    if refused := fault(control, one, value):
        return refused
    payload = payloads.encode(now_ms, [payloads.metric(control, now_ms, one.datatype, value)])
    publication = Publication(topic, payload, qos=0, expires_ms=expires_ms)
    return Rendered((publication,), "echo", "once", answered_by=(control,))


def _set(topic: str, table: Table, args: Any, now_ms: int, expires_ms: int) -> Rendered | Refused:
    if not isinstance(args, dict) or not args:
        return Refused("bad_args", "it takes an object")
    written: list[bytes] = []
    expect: dict[str, Scalar] = {}
    for name, value in args.items():
        one = table.metrics.get(name)
        if one is None or not one.is_writable or not is_reading(name):
            return Refused("not_settable", name[:64])
        if refused := fault(name, one, value):
            return refused
        written.append(payloads.metric(name, now_ms, one.datatype, value))
        expect[name] = value
    publication = Publication(topic, payloads.encode(now_ms, written), qos=0, expires_ms=expires_ms)
    return Rendered((publication,), "echo", "until_ack", expect=expect)


def fault(name: str, one: Metric, value: Any) -> Refused | None:
    """Why a metric can't have a value; None: it can."""
    if one.datatype not in payloads.READ:
        return Refused("not_settable", f"{name[:64]}: its datatype is not written")
    kind = kind_of(one.datatype)
    if kind != "number":
        return None if isinstance(value, bool if kind == "boolean" else str) else _no(name, kind)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _no(name, kind)
    low, high = bounds(one)
    if not within(value, low, high) or not within(value, one.low, one.high):
        return Refused("out_of_range", f"{name[:64]}: {value}")
    whole = one.datatype not in (payloads.FLOAT, payloads.DOUBLE)
    return _no(name, "whole number") if whole and not isinstance(value, int) else None


def _no(name: str, kind: str) -> Refused:
    return Refused("bad_args", f"{name[:64]} takes a {kind}")


def bounds(one: Metric) -> tuple[float | None, float | None]:
    """Least and most that a datatype holds."""
    if one.datatype in payloads.SIGNED:
        half = 1 << (payloads.SIGNED[one.datatype] - 1)
        return -half, half - 1
    if one.datatype in payloads.UNSIGNED:
        return 0, (1 << payloads.UNSIGNED[one.datatype]) - 1
    return (-3.4e38, 3.4e38) if one.datatype == payloads.FLOAT else (None, None)
