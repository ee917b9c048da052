"""Examples of the frames of the WebSocket, by their type. A test reads each as the server and its clients do. Pure."""

from typing import Any, Final

_SINCE: Final = 1790000000000
_AT: Final = "2026-09-21T14:13:20.012Z"
_COMMAND: Final = {
    "id": "0198c0de-0000-7000-8000-000000000001",
    "device": "demo/lamp",
    "name": "set_led",
    "args": {"on": True},
    "status": "accepted",
    "timeline": [{"status": "accepted", "at": _AT, "by": "causeway"}],
    "result": None,
    "reason": None,
    "ttl_s": 60,
    "created_at": _AT,
    "expires_at": "2026-09-21T14:14:20.012Z",
}
_ALERT: Final = {
    "id": "0198c0de-0000-4000-8000-000000000002",
    "rule": 1,
    "name": "hot",
    "device": "demo/lamp",
    "state": "firing",
    "snoozed_until": None,
    "severity": "warning",
    "metric": "t",
    "note": "",
    "count": 1,
    "value": 31.5,
    "raised": _SINCE,
    "cleared": None,
    "acknowledged_by": None,
    "assignee": None,
    "inhibited_by": None,
    "comments": [{"by": "user:ann", "at": _AT, "text": "on my way"}],
}
_DEVICE: Final = {
    "device": "demo/lamp",
    "rev": 17,
    "metrics": {"t": {"value": 21.5, "ts": _SINCE}},
    "reported": {"led": False},
    "desired": {"led": True},
    "desired_version": 3,
    "presence": {"status": "online", "since": _SINCE, "why": "birth"},
    "tags": ["cold"],
}

CLIENT_FRAMES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "subscribe": (
        {"type": "subscribe", "id": "1", "devices": {"demo/lamp": None, "demo/pump": 17}},
        {"type": "subscribe", "id": "2", "site": "demo", "max_rate_hz": 2, "readings": "latest"},
    ),
    "unsubscribe": ({"type": "unsubscribe", "id": "3", "sub": "1"},),
    "command": (
        {"type": "command", "id": "4", "device": "demo/lamp", "name": "set_led", "args": {"on": True}, "ttl_s": 60},
    ),
    "desired": ({"type": "desired", "id": "5", "device": "demo/lamp", "patch": {"target": 21}, "if_version": 3},),
    "ack": ({"type": "ack", "n": 120},),
    "attend": ({"type": "attend", "id": "7", "place": "demo/lamp", "doing": "viewing"},),
    "leave": ({"type": "leave", "id": "8", "place": "demo/lamp"},),
    "ping": ({"type": "ping", "id": "6"},),
}
SERVER_FRAMES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "ok": (
        {"n": 2, "type": "ok", "id": "1", "sub": "1", "refused": []},
        {"n": 3, "type": "ok", "id": "4", "command": _COMMAND},
    ),
    "error": ({"n": 4, "type": "error", "id": "4", "code": "forbidden", "message": "you may not send commands"},),
    "snapshot": ({"n": 5, "type": "snapshot", "sub": "1", "reason": "subscribe", "more": False, "devices": [_DEVICE]},),
    "delta": (
        {
            "n": 6,
            "type": "delta",
            "sub": "1",
            "items": [
                {
                    "device": "demo/lamp",
                    "prev": 17,
                    "rev": 19,
                    "readings": [{"rev": 18, "ts": _SINCE, "metrics": {"t": 21.6}}],
                    "reported": {"led": True},
                }
            ],
        },
    ),
    "event": (
        {
            "n": 7,
            "type": "event",
            "sub": "1",
            "device": "demo/lamp",
            "prev": 19,
            "rev": 20,
            "name": "pressed",
            "data": {"button": 2},
            "ts": _SINCE,
        },
    ),
    "gone": ({"n": 8, "type": "gone", "sub": "1", "device": "demo/lamp"},),
    "people": (
        {
            "n": 10,
            "type": "people",
            "place": "demo/lamp",
            "people": [{"user": "ann", "doing": "commanding", "since": _SINCE}],
        },
    ),
    "command": ({"n": 9, "type": "command", "command": _COMMAND},),
    "alert": ({"n": 11, "type": "alert", "alert": _ALERT},),
    "link": (
        {
            "n": 1,
            "type": "link",
            "broker": "up",
            "workers": "up",
            "gateway": "up",
            "layer": "up",
            "database": "up",
            "fresh": True,
            "since": _SINCE,
        },
    ),
}
