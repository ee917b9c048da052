"""What a Shelly is asked: what it is, how it is named, how it stands. It publishes nothing while nothing changes.

Gen2 and later answer RPC requests by their id; those that sleep are asked when they are heard. Gen1 publishes what it
is told to announce or update. Each question is asked at most three times, a minute and more between.
"""

from typing import Any, Final

import msgspec
from msgspec import structs

from bridge.dialects.dialect import Due, Publication, State
from bridge.dialects.shelly.model import Asked, Now, Shelly
from bridge.dialects.shelly.topics import ANSWERS, GEN1

# Question → method and parameters.
QUESTIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "describe": ("Shelly.GetDeviceInfo", {}),
    "config": ("Shelly.GetConfig", {}),
    "status": ("Shelly.GetStatus", {}),
    "components": ("Shelly.GetComponents", {"dynamic_only": True, "include": ["config"]}),
}
_GEN1_QUESTIONS: Final = ("announce", "update")  # payloads of shellies/<id>/command
_UPDATE: Final = "status_update"  # a payload of <prefix>/command, where RPC needs a password
_AGAIN_MS: Final = 60_000
_APART_MS: Final = 1_000  # so that a question is not asked twice at once
_TRIES: Final = 3
_EXPIRES_MS: Final = 30_000


def asking(now: Now, questions: tuple[str, ...], at_ms: int) -> Now:
    """These are to be asked then; one that waits already is asked no later."""
    new = {one: Asked(at_ms) for one in questions if one not in now.asked or now.asked[one].at_ms > at_ms}
    return structs.replace(now, asked={**now.asked, **new}) if new else now


def answered(now: Now, question: str) -> Now:
    """It has its answer, or will have none."""
    if question not in now.asked:
        return now
    return structs.replace(now, asked={one: asked for one, asked in now.asked.items() if one != question})


def request(device: Shelly, request_id: str, method: str, params: dict[str, Any]) -> Publication:
    """An RPC request; its answer comes to a topic that names the device."""
    frame = {"id": request_id, "src": f"{ANSWERS}/{device.prefix}", "method": method}
    if params:
        frame["params"] = params  # type: ignore[assignment]
    return Publication(f"{device.prefix}/rpc", msgspec.json.encode(frame))


def due(state: State, now_ms: int) -> Due:
    """What to ask now."""
    device: Shelly = state.model
    now: Now = state.live
    if not device.gen or not now.asked:
        return Due()
    ready = [one for one, asked in now.asked.items() if asked.at_ms <= now_ms]
    if not ready:
        return Due(again_ms=min(one.at_ms for one in now.asked.values()))
    asked = dict(now.asked)
    publications = [_question(device, one, now_ms) for one in ready if _is_for(device, one)]
    for one in ready:
        tries = asked.pop(one).tries + 1
        if tries < _TRIES and device.gen > 1 and _is_for(device, one):
            asked[one] = Asked(now_ms + max(_APART_MS, _AGAIN_MS * 2 ** (tries - 1)), tries)
    again_ms = min((one.at_ms for one in asked.values()), default=None)
    return Due(tuple(publications), (), again_ms, State(device, structs.replace(now, asked=asked)))


def _is_for(device: Shelly, question: str) -> bool:
    """Whether devices of its generation are asked that; it may have shown only since that it is of another one."""
    return question in (_GEN1_QUESTIONS if device.gen == 1 else (*QUESTIONS, _UPDATE))


def _question(device: Shelly, question: str, now_ms: int) -> Publication:
    if device.gen == 1:
        one = Publication(f"{GEN1}/{device.prefix}/command", question.encode(), qos=0)
    elif device.auth or question == _UPDATE:
        one = Publication(f"{device.prefix}/command", _UPDATE.encode(), qos=0)
    else:
        method, params = QUESTIONS[question]
        one = structs.replace(request(device, question, method, params), qos=0)
    return structs.replace(one, expires_ms=now_ms + _EXPIRES_MS)


def all_questions(device: Shelly) -> tuple[str, ...]:
    """All that a device can be asked for."""
    if device.gen == 1:
        return _GEN1_QUESTIONS if not device.model else _GEN1_QUESTIONS[1:]
    return (_UPDATE,) if device.auth else ("describe", "config", "status")
