"""Commands to Tasmota devices: ``cmnd/<topic>/<Command><index>`` with a text. Nothing of an answer tells its command.

So a set value is proven by its report; what can't be repeated without harm (TOGGLE, Backlog) is published once.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from bridge.descriptions import Property
from bridge.dialects.dialect import Command, Publication, Refused, Rendered
from bridge.dialects.forms.numbers import written
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.tasmota.description import properties
from bridge.dialects.tasmota.model import Thing
from bridge.observations import Scalar

STATUS10: Final = "STATUS10"  # what an answer to STATUS 10 proves, beside its values
_MOST_SET: Final = 20  # values; a Backlog takes 30 commands
_WAIT_MS: Final = 60_000
_SHUTTER_WAIT_MS: Final = 180_000
_POWER: Final = re.compile(r"POWER(\d{0,2})\Z")
_SHUTTER: Final = re.compile(r"Shutter(\d{1,2})\.Position\Z")
_CHANNEL: Final = re.compile(r"Channel\.(\d{1,2})\Z")
_COLOUR: Final = re.compile(r"#?[0-9A-Fa-f]{6,10}\Z|\d{1,3}(?:,\d{1,3}){2,4}\Z")
_SHUTTER_ACTION: Final = re.compile(r"Shutter(\d{1,2})\.(open|close|stop)\Z")


class _Order(Struct, frozen=True):
    """One Tasmota command, and the values that prove it."""

    name: str  # POWER1
    text: str
    expect: dict[str, Scalar] = {}
    answered_by: tuple[str, ...] = ()
    in_backlog: str = ""  # the same there, where an index 1 needn't stand


def render(thing: Thing, command: Command) -> Rendered | Refused:
    """A command to a device, as it is published."""
    if not thing.command_stem:
        return Refused("unknown_command", "it takes no commands")
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    if command.name == "set":
        return _set(thing, command, args)
    if shutter := _SHUTTER_ACTION.match(command.name):
        answer = f"Shutter{shutter[1]}.Position"
        order = _Order(f"Shutter{shutter[2].capitalize()}{shutter[1]}", "", answered_by=(answer,))
        return _once(thing, command, order)
    action = _ACTIONS.get(command.name)
    return action(thing, command, args) if action else Refused("unknown_command", command.name)


# Values --------------------------------------------------------------------------------------------------------------


def _set(thing: Thing, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    known = {one.metric: one for one in properties(thing) if one.settable}
    orders: list[_Order] = []
    if not 0 < len(args) <= _MOST_SET:
        return Refused("bad_args", f"1 to {_MOST_SET} values")
    for metric, value in args.items():
        if metric not in known:
            return unknown([metric])
        order = _order(thing, known[metric], value)
        if isinstance(order, Refused):
            return order
        orders.append(order)
    shutters = any(_SHUTTER.match(metric) for metric in args)
    return _rendered(thing, command, orders, _SHUTTER_WAIT_MS if shutters else _WAIT_MS)


def _order(thing: Thing, one: Property, value: Any) -> _Order | Refused:
    if refused := refusal(one, value):
        return refused
    metric = one.metric
    if power := _POWER.match(metric):
        text = thing.words[1] if value else thing.words[0]
        return _Order(f"POWER{power[1] or 1}", text, {metric: value}, in_backlog=metric)
    if shutter := _SHUTTER.match(metric):
        return _Order(
            f"ShutterPosition{shutter[1]}", written(value), {metric: value, f"Shutter{shutter[1]}.Direction": 0}
        )
    if channel := _CHANNEL.match(metric):
        return _Order(f"Channel{int(channel[1]) + 1}", written(value), {metric: value})
    if one.kind == "boolean":
        return _Order(metric, "ON" if value else "OFF", {metric: value})
    if one.kind == "number":
        return _Order(metric, written(value), {metric: value})
    if not _COLOUR.match(value):
        return Refused("out_of_range", f"{metric}: RRGGBB, or numbers with commas between")
    return _Order(metric, value, answered_by=(metric,))


def _rendered(thing: Thing, command: Command, orders: list[_Order], wait_ms: int) -> Rendered:
    """One command as it is; several in a Backlog, which keeps them together."""
    if len(orders) == 1:
        name, text = orders[0].name, orders[0].text
    else:
        name = "Backlog0"
        text = "; ".join(f"{one.in_backlog or one.name} {one.text}" for one in orders)
    return Rendered(
        (Publication(thing.command_stem + name, text.encode(), expires_ms=command.expires_ms),),
        ack="echo",
        retry="until_ack" if len(orders) == 1 else "once",
        expect={metric: value for one in orders for metric, value in one.expect.items()},
        answered_by=()
        if any(one.expect for one in orders)
        else tuple(name for one in orders for name in one.answered_by),
        wait_ms=wait_ms,
    )


# Actions -------------------------------------------------------------------------------------------------------------


def _toggle(thing: Thing, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    relay = args.get("relay", 1)
    powers = {int(found[1] or 1) for one in properties(thing) if one.settable and (found := _POWER.match(one.metric))}
    if set(args) - {"relay"} or type(relay) is not int or relay not in powers:
        return Refused("out_of_range", f"relay: one of {sorted(powers)}")
    answers = (f"POWER{relay}", "POWER") if relay == 1 else (f"POWER{relay}",)
    return _once(thing, command, _Order(f"POWER{relay}", thing.words[2], answered_by=answers))


def _refresh(thing: Thing, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    if args:
        return Refused("bad_args", "it takes none")
    return _rendered(thing, command, [_Order("STATUS", "10", answered_by=(STATUS10,))], _WAIT_MS)


def _restart(thing: Thing, command: Command, args: dict[str, Any]) -> Rendered | Refused:
    if args:
        return Refused("bad_args", "it takes none")
    return _once(thing, command, _Order("Restart", "1", answered_by=("Restart",)))


def _once(thing: Thing, command: Command, order: _Order) -> Rendered:
    publication = Publication(thing.command_stem + order.name, order.text.encode(), expires_ms=command.expires_ms)
    return Rendered((publication,), ack="echo", retry="once", answered_by=order.answered_by, wait_ms=_WAIT_MS)


_ACTIONS: Final[dict[str, Callable[[Thing, Command, dict[str, Any]], Rendered | Refused]]] = {
    "toggle": _toggle,
    "refresh": _refresh,
    "restart": _restart,
}
