"""Commands as they are rendered, and how their end is told: a line of ``<corpus>.commands.jsonl``.

    after        how many rows of the corpus are played before; all without it
    device, command, args      what is rendered; ``<hash>`` stands for ten hex digits
    topic, payload, encoding, qos, retain, ack, retry      what is published, and how it ends
    refused      instead of these: the code of the refusal
    answers      messages {topic, payload} that come then; after the last one, not before, the command has ended
    ends         as what: "done" (default), or an answer's status; "" where nothing ends it
    stored_first               false: where what is retained comes first, its discovery is gone, or it has other words
    done_when, note            for people

In payloads ``<command id>``, ``<expires, RFC 3339>``, ``<number>`` stand for what is made at run time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from bridge.descriptions import Description
from bridge.dialects.dialect import Command, Refused, Rendered
from bridge.observations import CommandAck, CommandFailed, Echo, Scalar, Telemetry
from tests.support.dialects.player import Happened, Player
from tests.support.dialects.rows import Row, content

COMMAND_ID = "0d9bb5a2-6a0c-4f5e-8d0e-1f2a3b4c5d6e"
_PLACES = {
    re.escape("<command id>"): re.escape(COMMAND_ID),
    re.escape("<expires, RFC 3339>"): r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    re.escape("<number>"): r"\d+",
    re.escape("<hash>"): "[0-9a-f]{10}",
}


def check_command(player: Player, line: Mapping[str, Any], now_ms: int) -> None:
    """Assert that a command is rendered so, and ends so."""
    device = device_of(player, line["device"])
    command = Command(COMMAND_ID, line["command"], msgspec.json.encode(line["args"]), now_ms + 3_600_000)
    state = player.states[device.partition("~")[0]]
    rendered = player.dialect.render(state, device, command, now_ms)
    if isinstance(rendered, Refused):
        assert rendered.reason == line.get("refused"), rendered
        return
    assert "refused" not in line, rendered
    (published,) = rendered.publications
    assert _pattern(line["topic"]).fullmatch(published.topic), published
    if line.get("encoding") == "hex":
        assert published.payload.hex() == line["payload"]
    else:
        assert _pattern(line["payload"]).fullmatch(published.payload.decode()), published.payload
    assert (published.qos, published.retain) == (line["qos"], line["retain"])
    assert (rendered.ack, rendered.retry) == (line["ack"], line["retry"])
    assert 0 < published.expires_ms <= command.expires_ms
    _check_end(player, rendered, line, now_ms)


def _check_end(player: Player, rendered: Rendered, line: Mapping[str, Any], now_ms: int) -> None:
    before = len(player.said)
    for answer in answers(line, now_ms):
        assert end_of(rendered, player.said[before:]) in {"", "accepted"}, "it has ended too early"
        player.play([answer])
    if "answers" in line:
        assert end_of(rendered, player.said[before:]) == line.get("ends", "done"), player.said[before:]


def answers(line: Mapping[str, Any], now_ms: int) -> Iterator[Row]:
    """What comes after a command, as it comes."""
    for index, answer in enumerate(line.get("answers", ())):
        payload = content({**answer, "payload": answer["payload"].replace("<command id>", COMMAND_ID)})
        yield Row(10_000 + index, answer["topic"], payload, answer.get("retain", False), False, now_ms + index)


def end_of(rendered: Rendered, said: Iterable[Happened]) -> str:
    """How a command has ended by what was said since: an answer's status, or "done" by its echo; "": not yet."""
    values: dict[str, Scalar] = {}
    for one in said:
        match one.what:
            case CommandAck(command_id, status) if command_id in {COMMAND_ID, rendered.answer_to or COMMAND_ID}:
                if status != "accepted":
                    return status
            case CommandFailed():
                return "failed"
            case Telemetry(readings):
                for reading in readings:
                    values |= reading.metrics
            case Echo(metrics, "done"):
                values |= metrics
    if rendered.ack != "echo":
        return ""
    proven = rendered.expect and all(name in values and values[name] == one for name, one in rendered.expect.items())
    return "done" if proven or set(rendered.answered_by) & set(values) else ""


def device_of(player: Player, pattern: str) -> str:
    """Whose key it is."""
    keys: dict[str, Description | object] = {**player.twins, **player.descriptions}
    found = [one for one in keys if _pattern(pattern).fullmatch(one)]
    assert len(found) == 1, (pattern, sorted(keys))
    return found[0]


def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text)
    for place, what in _PLACES.items():
        escaped = escaped.replace(place, what)
    return re.compile(escaped)
