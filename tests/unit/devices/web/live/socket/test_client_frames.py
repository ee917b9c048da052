import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.web.live.socket.client_frames import (
    MAX_FRAME_BYTES,
    Acknowledge,
    Attend,
    BadFrame,
    Leave,
    Ping,
    SendCommand,
    SetDesired,
    Subscribe,
    Unsubscribe,
    parse,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from([
    "subscribe", "unsubscribe", "command", "desired", "attend", "leave", "ack", "ping", "nonsense",
])  # fmt: skip
fields = st.sampled_from(
    ["id", "devices", "site", "sub", "device", "name", "args", "patch", "n", "max_rate_hz", "place"]
)


def test_the_frames_of_the_documentation() -> None:
    assert parse('{"type":"subscribe","id":"1","devices":{"site/dev": null, "site/dev2": 17}}') == Subscribe(
        "1", {"site/dev": None, "site/dev2": 17}
    )
    assert parse('{"type":"subscribe","id":"2","site":"*"}') == Subscribe("2", None, "*")
    assert parse('{"type":"unsubscribe","id":"3","sub":"1"}') == Unsubscribe("3", "1")
    command = '{"type":"command","id":"4","device":"s/d","name":"set_led","args":{"on":true},"ttl_s":60}'
    assert parse(command) == SendCommand("4", "s/d", "set_led", {"on": True}, 60)
    desired = '{"type":"desired","id":"5","device":"s/d","patch":{"target":21},"if_version":3}'
    assert parse(desired) == SetDesired("5", "s/d", {"target": 21}, 3)
    attend = '{"type":"attend","id":"7","place":"site/dev","doing":"commanding"}'
    assert parse(attend) == Attend("7", "site/dev", "commanding")
    assert parse('{"type":"attend","id":"7","place":"page:x"}') == Attend("7", "page:x", "viewing")
    assert parse('{"type":"leave","id":"8","place":"site/dev"}') == Leave("8", "site/dev")
    assert parse('{"type":"ack","n":120}') == Acknowledge(120)
    assert parse('{"type":"ping","id":6}') == Ping(6)


@pytest.mark.parametrize(
    ("text", "identity", "part_of_message"),
    [
        ("", None, "not JSON"),
        ("nope", None, "not JSON"),
        ("[]", None, "one JSON object"),
        ("17", None, "one JSON object"),
        ('{"id":"7"}', "7", "type must be one of"),
        ('{"type":"dance","id":"7"}', "7", "type must be one of"),
        ('{"type":{"x":1},"id":"7"}', "7", "type must be one of"),
        ('{"type":"ping"}', None, "id"),
        ('{"type":"ping","id":null}', None, "id"),
        ('{"type":"ping","id":[1]}', None, "id"),
        ('{"type":"ping","id":""}', None, "id"),
        ('{"type":"ping","id":"7","extra":1}', "7", "extra"),
        ('{"type":"attend","id":"7","place":"s/d","doing":"dancing"}', "7", "doing"),
        ('{"type":"attend","id":"7","place":null,"doing":"viewing"}', "7", "place"),
        ('{"type":"leave","id":"7"}', "7", "place"),
        ('{"type":"subscribe","id":"7","devices":["s/d"]}', "7", "devices"),
        ('{"type":"subscribe","id":"7","devices":{"s/d":"17"}}', "7", "devices"),
        ('{"type":"subscribe","id":"7","devices":{"s/d":-1}}', "7", "devices"),
        ('{"type":"subscribe","id":"7","max_rate_hz":0.01}', "7", "max_rate_hz"),
        ('{"type":"subscribe","id":"7","max_rate_hz":101}', "7", "max_rate_hz"),
        ('{"type":"subscribe","id":"7","readings":"some"}', "7", "Invalid enum value"),
        ('{"type":"desired","id":"7","device":"s/d","patch":[]}', "7", "patch"),
        ('{"type":"ack","n":"12"}', None, "n"),
    ],
)
def test_bad_frames_say_why(text: str, identity: str | None, part_of_message: str) -> None:
    bad = parse(text)
    assert isinstance(bad, BadFrame)
    assert (bad.id, bad.code) == (identity, "bad_request")
    assert part_of_message in bad.message


def test_a_frame_may_have_a_quarter_of_a_mebibyte() -> None:
    text = json.dumps({"type": "ping", "id": "1", "x": "x" * MAX_FRAME_BYTES})
    bad = parse(text)
    assert isinstance(bad, BadFrame)
    assert (bad.id, bad.code) == ("1", "too_large")


def test_deep_nesting_is_a_bad_frame() -> None:
    deep = '{"type":"desired","id":"1","device":"s/d","patch":' + '{"a":' * 20_000 + "1" + "}" * 20_001
    bad = parse(deep)
    assert isinstance(bad, BadFrame)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse(text)


@given(st.dictionaries(fields, json_values, max_size=5), kinds)
def test_no_object_raises(body: dict[str, Any], kind: str) -> None:
    parse(json.dumps({**body, "type": kind}))
