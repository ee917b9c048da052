from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from msgspec import ValidationError

from devices.models import Alert as AlertRow
from devices.requests.refusals import RefusalError
from devices.rules.alerts.alert import alert_json
from devices.rules.commands import begun, command_json
from devices.web.live.stream.server_frames import (
    FRAMES,
    PARTS,
    REPLIES,
    REPLY_FIELDS,
    ErrorCode,
    OkFrame,
    convert,
    decode,
)
from devices.web.live.stream.step_frames import Command

STATE = {
    "device": "s/a",
    "rev": 3,
    "metrics": {"t": {"value": None, "ts": 5}},
    "reported": {"led": {"on": True}},
    "desired": {},
    "desired_version": 0,
    "presence": {"status": "online", "since": 5, "why": "birth"},
    "tags": ["x"],
}
COMMAND = {
    "id": "1",
    "device": "s/a",
    "name": "led",
    "args": {"on": True},
    "status": "done",
    "timeline": [
        {"status": "accepted", "at": "2026-01-01T00:00:00.000Z", "by": "causeway"},
        {
            "status": "done",
            "at": "2026-01-01T00:00:01.000Z",
            "by": "device",
            "late": True,
            "result": [1],
            "reason": "so",
        },
    ],
    "result": [1],
    "reason": None,
    "ttl_s": 60,
    "created_at": "2026-01-01T00:00:00.000Z",
    "expires_at": "2026-01-01T00:01:00.000Z",
}
ALERT = {
    "id": "00000000-0000-0000-0000-000000000005",
    "rule": 1,
    "name": "hot",
    "device": "s/a",
    "state": "acknowledged",
    "snoozed_until": 9,
    "severity": "critical",
    "metric": "t",
    "note": "so",
    "count": 2,
    "value": 31.5,
    "raised": 5,
    "cleared": None,
    "acknowledged_by": "user:ann",
    "assignee": "ann",
    "inhibited_by": None,
    "comments": [{"by": "user:ann", "at": "2026-01-01T00:00:00.000Z", "text": "so"}],
}
WHOLE_ITEM = {
    **STATE,
    "prev": 1,
    "readings": [{"rev": 2, "ts": 5, "metrics": {"t": 1.5}}, {"rev": 3, "ts": 6, "metrics": {}, "clamped": True}],
}
MAY_LACK = {
    "Reading": {"clamped"},
    "DeltaItem": {"metrics", "reported", "desired", "desired_version", "presence", "tags", "description"},
    "DeviceSnapshot": {"description"},
    "CommandStep": {"late", "result", "reason"},
}
EXAMPLES: list[dict[str, Any]] = [
    {"type": "ok", "id": "1", "sub": "1", "refused": ["s/z"]},
    {"type": "ok", "id": 7, "sub": "1"},
    {"type": "ok", "id": "1", "command": COMMAND},
    {"type": "ok", "id": "1", "device": "s/a", "version": 2, "desired": {"led": None}},
    {"type": "ok", "id": "1"},
    {"type": "error", "id": None, "code": "bad_request", "message": "no"},
    {"type": "snapshot", "sub": "1", "reason": "subscribe", "more": False, "devices": [STATE]},
    {"type": "delta", "sub": 1, "items": [{"device": "s/a", "prev": 1, "rev": 2, "readings": []}, WHOLE_ITEM]},
    {"type": "event", "sub": "1", "device": "s/a", "prev": 3, "rev": 4, "name": "door", "data": [1], "ts": 9},
    {"type": "gone", "sub": "1", "device": "s/a"},
    {"type": "people", "place": "s/a", "people": [{"user": "ann", "doing": "editing", "since": 5}]},
    {"type": "command", "command": COMMAND},
    {"type": "alert", "alert": ALERT},
    {
        "type": "link",
        "broker": "up",
        "workers": "down",
        "gateway": "up",
        "layer": "up",
        "database": "unknown",
        "fresh": False,
        "since": 9,
    },
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_frame_is_read_as_it_is_written(example: dict[str, Any]) -> None:
    frame = {"n": 1, **example}
    assert msgspec.to_builtins(decode(msgspec.json.encode(frame))) == frame == msgspec.to_builtins(convert(frame))


def test_there_is_an_example_of_every_frame_and_every_reply() -> None:
    assert {example["type"] for example in EXAMPLES} == set(FRAMES)
    replies = [frozenset(example) & set(REPLY_FIELDS) for example in EXAMPLES if example["type"] == "ok"]
    assert set(replies) == set(REPLIES.values())


def places(value: Any) -> list[dict[str, Any]]:
    """All objects in a frame whose fields the server chooses, the frame itself first."""
    if isinstance(value, list):
        return [found for one in value for found in places(one)]
    if not isinstance(value, dict):
        return []
    inner = [
        value[name]
        for name in ("devices", "items", "readings", "presence", "people", "command", "timeline", "alert", "comments")
        if name in value
    ]
    metrics = [value["metrics"][name] for name in value.get("metrics", {})]
    return [value, *(found for one in [*inner, *metrics] for found in places(one))]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_field_that_nobody_knows_is_wrong_wherever_it_is(example: dict[str, Any]) -> None:
    for number in range(len(places(example))):
        frame = msgspec.json.decode(msgspec.json.encode({"n": 1, **example}))
        places(frame)[number]["colour"] = "red"
        with pytest.raises(ValidationError):
            convert(frame)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_field_that_lacks_is_wrong(example: dict[str, Any]) -> None:
    """Of a reply, those beyond its id tell which one it is."""
    for name in {"n", *example} - set(REPLY_FIELDS) if example["type"] == "ok" else {"n", *example}:
        frame = {field: value for field, value in {"n": 1, **example}.items() if field != name}
        with pytest.raises(ValidationError):
            convert(frame)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_fields_that_may_lack_are_few(part: type[msgspec.Struct]) -> None:
    optional = {field.name for field in msgspec.structs.fields(part) if not field.required}
    assert optional == MAY_LACK.get(part.__name__, set())


def test_a_reply_is_one_of_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="refused"):
        OkFrame(1, "ok", "1", refused=[])


def test_only_frames_are_read() -> None:
    for text in ('{"n":1,"type":"dance"}', '{"n":1}', "[]", '{"n":0,"type":"ok","id":"1"}'):
        with pytest.raises(ValidationError):
            decode(text)


def test_every_refusal_has_a_code_that_clients_know() -> None:
    codes = {cls.code for cls in RefusalError.__subclasses__()}
    assert codes == set(get_args(ErrorCode))


def test_an_alert_is_written_as_in_the_rest_of_the_api() -> None:
    times = {"raised_ms": 5, "snoozed_ms": 9}
    its = {name: ALERT[name] for name in ("rule", "device", "state", "severity", "metric", "note", "count", "value")}
    row = AlertRow(id=UUID(int=5), rule_name="hot", acknowledged_by="user:ann", assignee="ann", **its, **times)
    row.comments = ALERT["comments"]
    assert alert_json(row) == ALERT


def test_a_command_is_written_as_in_the_rest_of_the_api() -> None:
    class Record:
        id = UUID(int=5)
        name, args, status, result, reason = "led", {"b": 1, "a": [1.5, None]}, "expired", None, ""
        timeline = (*begun(5).timeline, {"status": "expired", "at_ms": 9, "reason": "late", "late": True})
        created_at = datetime(2026, 1, 1, tzinfo=UTC)
        expires_at = created_at + timedelta(seconds=60)

    fields = command_json(Record(), "s/a")
    assert msgspec.json.encode(msgspec.convert(fields, Command)) == msgspec.json.encode(fields)
