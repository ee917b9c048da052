"""What the OpenAPI document says of ``GET /stream``, which no operation of the API serves."""

from typing import Any, Final


def _parameter(name: str, place: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": False, "schema": schema, "description": description}


_ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": {"type": "object"}, "description": "frames"},
        "next": {"type": "string", "description": "where the last of them leaves you"},
    },
}

STREAM_OPERATION: Final[dict[str, Any]] = {
    "operationId": "stream",
    "summary": "Stream",
    "description": (
        "Follow devices by Server-Sent Events: a snapshot, then every change, without gap or repeat. The events are the"
        " frames of docs/websocket.md: `event` the frame's type, `data` the frame, `id` where it leaves you. Without"
        " `site` and `device`: all that you may see."
    ),
    "parameters": [
        _parameter("site", "query", {"type": "string"}, "the devices of a site, those that come later included"),
        _parameter(
            "device", "query", {"type": "array", "items": {"type": "string"}}, "some devices; may stand several times"
        ),
        _parameter(
            "Last-Event-ID",
            "header",
            {"type": "string", "maxLength": 1024},
            "go on from there; kept for an hour at least, after that a `too_far` snapshot begins",
        ),
        _parameter("after", "query", {"type": "string", "maxLength": 1024}, "the same as Last-Event-ID"),
        _parameter(
            "wait",
            "query",
            {"type": "integer", "minimum": 1, "maximum": 60},
            "long polling: one JSON answer, as soon as there is news, or after so many seconds; then ask again with"
            " `after=` its `next`",
        ),
    ],
    "responses": {
        "200": {
            "description": "Events",
            "content": {"text/event-stream": {"schema": {"type": "string"}}, "application/json": {"schema": _ANSWER}},
        },
    },
    "security": [{"TokenAuth": []}, {"SessionAuth": []}],
    "tags": ["devices"],
}
