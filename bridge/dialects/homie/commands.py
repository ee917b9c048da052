"""Commands to Homie devices: ``set`` for what stays as it was set, an action for each property that is only told."""

from typing import Any

from msgspec.structs import replace

from bridge.descriptions import Action
from bridge.descriptions import Property as Argument
from bridge.dialects.dialect import Publication, Refused, Rendered
from bridge.dialects.homie.model import Device, Property, metric_of
from bridge.dialects.homie.values import described, payload_of
from bridge.observations import Scalar


def actions(device: Device) -> tuple[Action, ...]:
    """One for each property that is set and not kept."""
    return tuple(
        Action(metric_of(path), one.name, (_argument(path, one),))
        for path, one in device.properties.items()
        if one.settable and not one.retained
    )


def _argument(path: str, one: Property) -> Argument:
    return replace(described(path, one), metric="value", label="")


def render(topic: str, device: Device, name: str, args: Any, expires_ms: int) -> Rendered | Refused:
    """A command.

    Args:
        topic: the device's, without a slash behind.
        device: what it is.
        name: ``set``, or an action's.
        args: values by metric, or ``{"value": …}``.
        expires_ms: Unix ms.
    """
    if not isinstance(args, dict) or not args:
        return Refused("bad_args", "it takes an object")
    by_metric = {metric_of(path): path for path, one in device.properties.items() if one.settable}
    if name == "set":
        paths = {by_metric.get(str(metric)) or str(metric): value for metric, value in args.items()}
        return _set(topic, device, paths, expires_ms)
    path = by_metric.get(name)
    if path is None or device.properties[path].retained:
        return Refused("unknown_command", f"it has no {name[:64]!r} that can be told")
    payload = payload_of(device.properties[path], args.get("value"))
    if isinstance(payload, Refused):
        return payload
    return Rendered((Publication(f"{topic}/{path}/set", payload, qos=0, expires_ms=expires_ms),), "none", "once")


def _set(topic: str, device: Device, values: dict[str, Any], expires_ms: int) -> Rendered | Refused:
    publications: list[Publication] = []
    expect: dict[str, Scalar] = {}
    for path, value in values.items():
        one = device.properties.get(path)
        if one is None or not one.settable or not one.retained:
            return Refused("not_settable", metric_of(path)[:64])
        payload = payload_of(one, value)
        if isinstance(payload, Refused):
            return payload
        publications.append(Publication(f"{topic}/{path}/set", payload, expires_ms=expires_ms))
        if not isinstance(value, dict | list):
            expect[metric_of(path)] = value
    answered = tuple(metric_of(path) for path in values) if not expect else ()
    return Rendered(tuple(publications), "echo", _retry(device, values), expect=expect, answered_by=answered)


def _retry(device: Device, values: dict[str, Any]) -> Any:
    """What is a text may be an order, a word to say: it is sent once."""
    texts = {"string", "json"}
    return "once" if any(device.properties[path].datatype in texts for path in values) else "until_ack"
