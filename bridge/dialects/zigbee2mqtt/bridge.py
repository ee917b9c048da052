"""``bridge/…``: the bridge itself, its log (the only trace of a failed command), its answers.

state                 online, offline: the will
info                  version and configuration
devices, groups       who is there (network)
event, logging        what happened
response/<request>    the answer to a request, by its ``transaction``
health                how it does (2.4 and later)
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from msgspec import structs

from bridge.dialects.forms.texts import label
from bridge.dialects.zigbee2mqtt.model import Member, Model
from bridge.json_limits import MalformedError, decode_json
from bridge.json_values import Sieve, shown
from bridge.names import is_name
from bridge.observations import CommandAck, EventReported, RawReading, StatusReported, Telemetry

_REASON_CHARS: Final = 500
_FAILED: Final = re.compile(r"Publish '[^']*' '[^']*' to '(?P<name>.{1,512}?)' failed: (?P<reason>.*)", re.DOTALL)
_ONLINE: Final = {"online": True, "offline": False}
_HEALTH: Final = ("response_time", "devices")  # left out: a time, and a row for each device


def status(payload: bytes) -> StatusReported | None:
    """Online or offline, plain (1.x) or as an object; None: neither."""
    word: Any = payload.strip(b"\0 \t\r\n").decode(errors="replace")
    if word[:1] == "{":
        try:
            found = decode_json(payload)
        except MalformedError:
            return None
        word = found.get("state") if isinstance(found, dict) else None
    online = _ONLINE.get(word) if isinstance(word, str) else None
    return None if online is None else StatusReported(online)


def with_info(model: Model, info: Any) -> Model:
    """The model with what ``bridge/info`` says."""
    if not isinstance(info, dict):
        return model
    config, coordinator = _inner(info, "config"), _inner(info, "coordinator")
    availability = config.get("availability")
    return structs.replace(
        model,
        version=label(info.get("version"), 64),
        output=label(_inner(config, "advanced").get("output") or "json", 32),
        availability=availability.get("enabled", True) is True
        if isinstance(availability, dict)
        else bool(availability),
        coordinator=label(coordinator.get("type")),
        serial=label(coordinator.get("ieee_address")),
    )


def permit_join(info: Any) -> Telemetry | None:
    """Whether devices may join."""
    allowed = info.get("permit_join") if isinstance(info, dict) else None
    return Telemetry((RawReading(None, {"permit_join": allowed}),)) if isinstance(allowed, bool) else None


def health(value: Any, payload: bytes) -> Telemetry | None:
    """How the bridge does."""
    if not isinstance(value, dict):
        return None
    sieve = Sieve(len(payload))
    metrics = sieve.flattened({name: one for name, one in value.items() if name not in _HEALTH})
    return Telemetry((RawReading(None, metrics),), sieve.notes) if metrics else None


def event(value: Any, payload: bytes) -> EventReported | None:
    """Somebody joined, left, was interviewed."""
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or not is_name(name):
        return None
    return EventReported(name, Sieve(len(payload)).storable(value.get("data")))


def answer(value: Any, payload: bytes) -> CommandAck | None:
    """The answer to a request; None: to none of ours."""
    transaction = value.get("transaction") if isinstance(value, dict) else None
    if not isinstance(transaction, str) or not _is_command_id(transaction):
        return None
    if value.get("status") == "ok":
        return CommandAck(transaction, "done", Sieve(len(payload)).storable(value.get("data")))
    return CommandAck(transaction, "rejected", reason=shown(str(value.get("error") or "error"), _REASON_CHARS))


def _is_command_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def error_in(value: Any) -> str:
    """The text of a logged error; empty: it is none."""
    if not isinstance(value, dict) or value.get("level") != "error" or not isinstance(value.get("message"), str):
        return ""
    return shown(value["message"], _REASON_CHARS)


def failed(text: str, members: Iterable[Member]) -> tuple[Member, str] | None:
    """Whose command failed, and why, by a logged error; None: it names nobody."""
    found = _FAILED.search(text)
    if found is None:
        return None
    named = found["name"]
    return next(((one, found["reason"].strip("' ")) for one in members if named in (one.name, one.child)), None)


def _inner(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}
