"""Commands to Gen2 and later: RPC requests, answered by their id. Where RPC needs a password: control topics.

shelly-api-docs.shelly.cloud/gen2: General/RPCProtocol, ComponentsAndServices/{Switch,Cover,Light,…,Mqtt}.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from bridge.dialects.dialect import Command, Publication, Refused, Rendered
from bridge.dialects.forms.numbers import written
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.shelly.description import properties
from bridge.dialects.shelly.model import Shelly
from bridge.dialects.shelly.prompts import request
from bridge.observations import Scalar

_WAIT_MS: Final = 30_000
_ACTION: Final = re.compile(r"((?:switch|light|rgb|rgbw|cct|cover):(\d+))\.(toggle|open|close|stop)\Z")
# Kind of component → what sets it, and its members' names there.
_SETTERS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "switch": ("Switch.Set", {"output": "on"}),
    "light": ("Light.Set", {"output": "on", "brightness": "brightness"}),
    "rgb": ("RGB.Set", {"output": "on", "brightness": "brightness"}),
    "rgbw": ("RGBW.Set", {"output": "on", "brightness": "brightness", "white": "white"}),
    "cct": ("CCT.Set", {"output": "on", "brightness": "brightness", "ct": "ct"}),
    "cover": ("Cover.GoToPosition", {"current_pos": "pos"}),
    "boolean": ("Boolean.Set", {"value": "value"}),
    "number": ("Number.Set", {"value": "value"}),
    "enum": ("Enum.Set", {"value": "value"}),
    "text": ("Text.Set", {"value": "value"}),
}
_NAMES: Final = {"switch": "Switch", "light": "Light", "rgb": "RGB", "rgbw": "RGBW", "cct": "CCT", "cover": "Cover"}
_ONE: Final = Refused("bad_args", "the values of one component at a time")


def render_gen2(device: Shelly, command: Command) -> Rendered | Refused:
    """A command to a device, as it is published."""
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    if command.name == "set":
        return _set(device, command, args)
    if args:
        return Refused("bad_args", "it takes none")
    if command.name == "refresh":
        update = Publication(f"{device.prefix}/command", b"status_update", qos=0, expires_ms=command.expires_ms)
        return Rendered((update,), ack="none", retry="once", wait_ms=_WAIT_MS)
    if command.name == "reboot" and not device.auth:
        return _rpc(device, command, "Shelly.Reboot", {}, retries=False)
    if found := _ACTION.match(command.name):
        component, index, word = found.groups()
        is_cover = component.startswith("cover")
        if is_cover == (word == "toggle") or not any(one.startswith(f"{component}.") for one in device.metrics):
            return Refused("unknown_command", command.name)
        if device.auth:
            echo = f"{component}.{'state' if is_cover else 'output'}"
            return _control(device, command, component, word, answered_by=(echo,))
        method = f"{_NAMES[component.partition(':')[0]]}.{word.capitalize()}"
        return _rpc(device, command, method, {"id": int(index)}, retries=False)
    return Refused("unknown_command", command.name)


def _set(device: Shelly, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    known = {one.metric: one for one in properties(device) if one.settable}
    if strangers := [name for name in args if name not in known]:
        return unknown(strangers)
    refused = [one for name, value in args.items() if (one := refusal(known[name], value))]
    components = {name.partition(".")[0] for name in args}
    if refused or len(components) != 1:
        return refused[0] if refused else _ONE
    component = components.pop()
    kind, _, index = component.partition(":")
    method, members = _SETTERS[kind]
    values = {members[name.partition(".")[2]]: value for name, value in args.items()}
    if device.auth:
        return _set_by_control(device, command, component, values, args)
    return _rpc(device, command, method, {"id": int(index), **values}, retries=kind != "cover")


def _rpc(device: Shelly, command: Command, method: str, params: dict[str, Any], *, retries: bool) -> Rendered:
    one = structs.replace(request(device, command.command_id, method, params), expires_ms=command.expires_ms)
    return Rendered((one,), ack="exact", retry="until_ack" if retries else "once", wait_ms=_WAIT_MS)


def _set_by_control(
    device: Shelly, command: Command, component: str, values: Mapping[str, Any], expect: dict[str, Scalar]
) -> Rendered | Refused:
    """on, off; ``set,true,50`` for a light; ``pos,40`` for a cover."""
    kind = component.partition(":")[0]
    if kind in {"switch", "light"} and set(values) == {"on"}:
        return _control(device, command, component, "on" if values["on"] else "off", expect=expect)
    if kind == "light" and set(values) == {"on", "brightness"}:
        text = f"set,{str(values['on']).lower()},{written(values['brightness'])}"
        return _control(device, command, component, text, expect=expect)
    if kind == "cover":
        return _control(device, command, component, f"pos,{written(values['pos'])}", expect=expect)
    return Refused("rpc_needs_password", f"{component} has no control topic for that")


def _control(
    device: Shelly,
    command: Command,
    component: str,
    text: str,
    *,
    expect: dict[str, Scalar] | None = None,
    answered_by: tuple[str, ...] = (),
) -> Rendered:
    one = Publication(f"{device.prefix}/command/{component}", text.encode(), expires_ms=command.expires_ms)
    wait_ms = 3 * _WAIT_MS if component.startswith("cover") else _WAIT_MS
    return Rendered((one,), "echo", "once", expect=expect or {}, answered_by=answered_by, wait_ms=wait_ms)
