"""Commands to members and to the bridge.

set {metric: value, …}    <name>/set       known by the values that are published then
toggle, refresh           <name>/set, get  known by whatever is published of these metrics
an action of its own      <name>/set       nothing tells of its end
the bridge's              bridge/request/… answered with the command's id as ``transaction``
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bridge.dialects.dialect import Command, Publication, Refused, Rendered
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.zigbee2mqtt.described import ARGUMENT, bridge, member
from bridge.dialects.zigbee2mqtt.model import GET, PUBLISHED, SET, Feature, Member, Model
from bridge.observations import Scalar

_WAIT_MS: Final = 60_000
_SLEEPY_WAIT_MS: Final = 15 * 60_000  # on battery: it takes a command when it wakes


def to_bridge(base: str, model: Model, command: Command) -> Rendered | Refused:
    """A request to the bridge itself."""
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    action = next((one for one in bridge(model).actions if one.name == command.name), None)
    if action is None:
        return Refused("unknown_command", command.name[:64])
    known = {one.metric: one for one in action.args}
    if extra := [name for name in args if name not in known]:
        return unknown(extra)
    for name, value in args.items():
        if refused := refusal(known[name], value):
            return refused
    if action.name == "permit_join":
        args.setdefault("time", known["time"].high)
        if model.version.startswith("1."):
            args["value"] = args["time"] > 0
    payload = {**args, "transaction": command.command_id}
    publication = _publication(f"{base}/bridge/request/{action.name}", payload, command)
    return Rendered((publication,), retry=action.retry)


def to_member(base: str, model: Model, one: Member, command: Command) -> Rendered | Refused:
    """A command to a device or group."""
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    topic = f"{base}/{one.name}"
    match command.name:
        case "set":
            return _set(topic, one, args, command)
        case "toggle":
            return _toggle(topic, one, args, command)
        case "refresh":
            return _refresh(topic, one, args, command)
    return _action(topic, model, one, args, command)


def _set(topic: str, one: Member, args: dict[str, Any], command: Command) -> Rendered | Refused:
    wanted: dict[str, Any] = {}
    expect: dict[str, Scalar] = {}
    near: list[str] = []  # what is rounded, or ends elsewhere: STOP is no state
    if not args:
        return Refused("bad_args", "there is nothing to set")
    for metric, value in args.items():
        feature = one.by_metric.get(metric)
        if feature is None or not feature.is_settable:
            return unknown([metric])
        if refused := refusal(_as_property(one, feature), value):
            return refused
        _put(wanted, feature.path, _word(feature, value))
        if len(feature.path) == 1 and isinstance(value, bool | int | str) and feature.of != "cover":
            expect[metric] = value
        else:
            near.append(metric)
    return _echo(one, _publication(f"{topic}/set", wanted, command), expect, near)


def _echo(one: Member, publication: Publication, expect: dict[str, Scalar], near: Iterable[str]) -> Rendered:
    wait_ms = _SLEEPY_WAIT_MS if one.sleepy else _WAIT_MS
    return Rendered(
        (publication,), ack="echo", retry="until_ack", expect=expect, answered_by=tuple(near), wait_ms=wait_ms
    )


def _as_property(one: Member, feature: Feature) -> Any:
    described = member(Model(), "", msgspec.structs.replace(one, features=(feature,)))
    return described.properties[0]


def _word(feature: Feature, value: Any) -> Any:
    """A value as the device takes it."""
    if feature.kind != "boolean" or (isinstance(feature.on, bool) and isinstance(feature.off, bool)):
        return value
    word = feature.on if value else feature.off
    return value if word is None else word


def _put(wanted: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        wanted = wanted.setdefault(name, {})
    wanted[path[-1]] = value


def _toggle(topic: str, one: Member, args: dict[str, Any], command: Command) -> Rendered | Refused:
    able = [each for each in one.features if each.toggle and each.access & SET]
    wanted = args.get("metric", able[0].metric if able else "")
    feature = next((each for each in able if each.metric == wanted), None)
    if feature is None or set(args) - {"metric"}:
        return unknown([str(wanted or "toggle")])
    payload: dict[str, Any] = {}
    _put(payload, feature.path, feature.toggle)
    publication = _publication(f"{topic}/set", payload, command)
    return Rendered((publication,), ack="echo", retry="once", answered_by=(feature.metric,))


def _refresh(topic: str, one: Member, args: dict[str, Any], command: Command) -> Rendered | Refused:
    able = {each.metric: each for each in one.features if each.access & GET}
    if extra := [name for name in args if name not in able]:
        return unknown(extra)
    payload: dict[str, Any] = {}
    metrics = list(args) or list(able)
    if not metrics:
        return unknown(["refresh"])
    for metric in metrics:
        _put(payload, able[metric].path, "")
    return _echo(one, _publication(f"{topic}/get", payload, command), {}, metrics)


def _action(topic: str, model: Model, one: Member, args: dict[str, Any], command: Command) -> Rendered | Refused:
    """Something that can only be set: an effect, a warning."""
    action = next((each for each in member(model, "", one).actions if each.name == command.name), None)
    if action is None:
        return Refused("unknown_command", command.name[:64])
    known = {each.metric: each for each in action.args}
    if not args or (extra := [name for name in args if name not in known]):
        return unknown(extra) if args else Refused("bad_args", f"it takes {', '.join(known)}"[:200])
    for name, value in args.items():
        if refused := refusal(known[name], value):
            return refused
    payload: dict[str, Any] = {}
    for each in one.features:
        name = ".".join(each.path[1:]) or ARGUMENT
        if each.path[0] == action.name and each.access & (SET | PUBLISHED) == SET and name in args:
            _put(payload, each.path, _word(each, args[name]))
    return Rendered((_publication(f"{topic}/set", payload, command),), ack="none", retry="once", wait_ms=_WAIT_MS)


def _publication(topic: str, payload: Any, command: Command) -> Publication:
    return Publication(topic, msgspec.json.encode(payload), expires_ms=command.expires_ms)
