"""Commands to Gen1: texts on control topics. Nothing answers them but the value that is reported then."""

import re
from typing import Any, Final

import msgspec

from bridge.dialects.dialect import Command, Publication, Refused, Rendered
from bridge.dialects.forms.numbers import written
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.shelly.description import properties
from bridge.dialects.shelly.model import Shelly
from bridge.dialects.shelly.topics import GEN1
from bridge.observations import Scalar

_WAIT_MS: Final = 60_000  # reports come every 30 s
_ROLLER_WAIT_MS: Final = 180_000
_ON_OFF: Final = re.compile(r"(relay|light|white)\.(\d+)\Z")
_POSITION: Final = re.compile(r"roller\.(\d+)\.pos\Z")
_LIGHT: Final = re.compile(r"((?:light|white|color)\.\d+)\.(\w+)\Z")
_TARGET: Final = re.compile(r"thermostats\.(\d+)\.target_t\.value\Z")
_ACTION: Final = re.compile(r"(relay|light|white|color|roller)\.(\d+)\.(toggle|open|close|stop)\Z")


def render_gen1(device: Shelly, command: Command) -> Rendered | Refused:
    """A command to a device, as it is published."""
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    if command.name == "set":
        return _set(device, command, args)
    if args:
        return Refused("bad_args", "it takes none")
    if command.name == "refresh":
        return _rendered(device, command, "command", "update", qos=0, ack="none")
    found = _ACTION.match(command.name)
    if found is None or not any(f"{one}.".startswith(f"{found[1]}.{found[2]}.") for one in device.metrics):
        return Refused("unknown_command", command.name)
    kind, index, word = found.groups()
    if (kind == "roller") == (word == "toggle"):
        return Refused("unknown_command", command.name)
    component = f"{kind}.{index}"
    wait_ms = _ROLLER_WAIT_MS if kind == "roller" else _WAIT_MS
    return _rendered(
        device, command, f"{kind}/{index}/command", word, answered_by=(component, f"{component}.ison"), wait_ms=wait_ms
    )


def _set(device: Shelly, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    known = {one.metric: one for one in properties(device) if one.settable}
    if not args:
        return Refused("bad_args", "no value")
    if strangers := [name for name in args if name not in known]:
        return unknown(strangers)
    for name, value in args.items():
        if refused := refusal(known[name], value):
            return refused
    if all(_LIGHT.match(name) for name in args):
        return _set_light(device, command, args)
    if len(args) > 1:
        return Refused("bad_args", "one value at a time, or the values of one light")
    ((metric, value),) = args.items()
    if found := _ON_OFF.match(metric):
        text = "on" if value else "off"
        return _rendered(device, command, f"{found[1]}/{found[2]}/command", text, expect=args, retries=True)
    if found := _POSITION.match(metric):
        topic = f"roller/{found[1]}/command/pos"
        return _rendered(device, command, topic, written(value), expect=args, retries=True, wait_ms=_ROLLER_WAIT_MS)
    if found := _TARGET.match(metric):
        topic = f"thermostat/{found[1]}/command/target_t"
        return _rendered(device, command, topic, written(value), expect=args, retries=True, wait_ms=_ROLLER_WAIT_MS)
    return unknown([metric])


def _set_light(device: Shelly, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    """``color/0/set`` with all values that are to change."""
    lights = {name.rpartition(".")[0] for name in args}
    if len(lights) > 1:
        return Refused("bad_args", "the values of one light at a time")
    values = {name.rpartition(".")[2]: value for name, value in args.items()}
    if "ison" in values:
        values = {"turn": "on" if values.pop("ison") else "off", **values}
    topic = f"{lights.pop().replace('.', '/')}/set"
    return _rendered(device, command, topic, msgspec.json.encode(values).decode(), expect=args)


def _rendered(
    device: Shelly,
    command: Command,
    topic: str,
    text: str,
    *,
    qos: int = 1,
    ack: str = "echo",
    expect: dict[str, Scalar] | None = None,
    answered_by: tuple[str, ...] = (),
    retries: bool = False,
    wait_ms: int = _WAIT_MS,
) -> Rendered:
    one = Publication(f"{GEN1}/{device.prefix}/{topic}", text.encode(), qos=qos, expires_ms=command.expires_ms)
    return Rendered(
        (one,),
        ack="none" if ack == "none" else "echo",
        retry="until_ack" if retries else "once",
        expect=expect or {},
        answered_by=answered_by,
        wait_ms=wait_ms,
    )
