"""Answers to RPC requests, on ``causeway/rpc/shelly/<prefix>/rpc``: to commands by their id, to questions by ours."""

from typing import Any, Final

from msgspec import Struct, structs

from bridge.dialects.forms.texts import label
from bridge.dialects.shelly.gen2 import Status, is_component, status
from bridge.dialects.shelly.model import MOST_LABELS, Shelly
from bridge.dialects.shelly.prompts import QUESTIONS
from bridge.json_values import Sieve
from bridge.observations import CommandAck, Malformed

_NEEDS_PASSWORD: Final = 401
_MAX_SENSORS: Final = 200


class Answer(Struct, frozen=True):
    """What an answer says."""

    device: Shelly  # as it is known now
    ack: CommandAck | None = None  # to a command
    question: str = ""  # of ours, that is answered
    status: Status | None = None
    refused: bool = False


def read_answer(found: dict[str, Any], device: Shelly, payload_bytes: int) -> Answer | Malformed:
    """An answer to a command, or to a question."""
    request_id, error = found.get("id"), found.get("error")
    if not isinstance(request_id, str | int) or isinstance(request_id, bool):
        return Malformed("bad_ack", "id is neither text nor number")
    name = str(request_id)[:64]
    if isinstance(error, dict):
        return _error(error, name, device)
    if name not in QUESTIONS:
        sieve = Sieve(payload_bytes)
        result = sieve.storable(found.get("result"))
        return Answer(device, CommandAck(name, "done", result, notes=sieve.notes))
    result = found.get("result")
    if not isinstance(result, dict):
        return Malformed("not_an_object", "result")
    return _result(name, result, device, payload_bytes)


def _error(error: dict[str, Any], name: str, device: Shelly) -> Answer:
    """Refused. With 401 a password is wanted (auth_en): from now on control topics are used."""
    code = error.get("code")
    if code == _NEEDS_PASSWORD:
        reason, device = "rpc_needs_password", structs.replace(device, auth=True)
    else:
        reason = f"{label(code)} {label(error.get('message'), 200)}".strip()
    if name in QUESTIONS:
        return Answer(device, question=name, refused=True)
    return Answer(device, CommandAck(name, "rejected", None, reason))


def _result(question: str, result: dict[str, Any], device: Shelly, payload_bytes: int) -> Answer:
    match question:
        case "describe":
            return Answer(told(device, result), question=question)
        case "config":
            return Answer(_named(device, result), question=question)
        case "status":
            return Answer(device, question=question, status=status(result, payload_bytes))
    return Answer(_sensors(device, result), question=question)


def told(device: Shelly, info: dict[str, Any]) -> Shelly:
    """The device with what GetDeviceInfo, or its announcement, says."""
    texts = {
        "name": label(info.get("name")),
        "model": label(info.get("model")),
        "firmware": label(info.get("ver")),
        "serial": label(info.get("id")),
    }
    return structs.replace(device, auth=info.get("auth_en") is True, **{key: one for key, one in texts.items() if one})


def _named(device: Shelly, config: dict[str, Any]) -> Shelly:
    """The device with the names of its components."""
    labels = {
        key: label(one["name"])
        for key, one in list(config.items())[:MOST_LABELS]
        if is_component(key) and isinstance(one, dict) and label(one.get("name"))
    }
    system = config.get("sys")
    inner = system.get("device") if isinstance(system, dict) else None
    name = label(inner.get("name")) if isinstance(inner, dict) else ""
    return structs.replace(device, labels=labels, name=name or device.name)


def _sensors(device: Shelly, result: dict[str, Any]) -> Shelly:
    """The device with what the sensors behind it measure (BTHome's object ids) and how they are named."""
    sensors, labels = dict(device.sensors), dict(device.labels)
    components = result.get("components")
    for one in components[:_MAX_SENSORS] if isinstance(components, list) else ():
        key, config = (one.get("key"), one.get("config")) if isinstance(one, dict) else (None, None)
        if not (isinstance(key, str) and is_component(key) and isinstance(config, dict)):
            continue
        if type(config.get("obj_id")) is int and len(sensors) < _MAX_SENSORS:
            sensors[key] = config["obj_id"] & 0xFF
        if label(config.get("name")) and len(labels) < MOST_LABELS:
            labels[key] = label(config["name"])
    return structs.replace(device, sensors=sensors, labels=labels)
