from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.dialect import NATIVE, OWN_DOWNLINK, RejectedTopic, Route
from bridge.dialects.native.topics import Kind, NativeTopics

TOPICS = NativeTopics("devices")
names = st.from_regex(r"[A-Za-z0-9_\-.:]{1,64}", fullmatch=True).filter(lambda name: name not in (".", ".."))
keys = st.tuples(names, names).map("/".join)
metrics = st.text(st.characters(exclude_characters="/+#", exclude_categories=["C", "Z"]), min_size=1, max_size=128)
kinds: st.SearchStrategy[tuple[Kind, str]] = st.one_of(
    st.tuples(st.sampled_from(("telemetry", "state", "model", "status")), st.just("")),
    st.tuples(st.just("metric"), metrics),
    st.tuples(st.sampled_from(("event", "ack")), names),
)


@given(keys, kinds)
def test_every_route_round_trips(device: str, what: tuple[Kind, str]) -> None:
    kind, detail = what
    found = Route(NATIVE, device, kind, detail, status=kind == "status")
    assert TOPICS.parse(TOPICS.uplink(device, kind, detail)) == found


@given(keys, names, names)
def test_own_downlink_topics_are_recognised(device: str, command_id: str, name: str) -> None:
    assert TOPICS.parse(TOPICS.command(device, command_id, name)) is OWN_DOWNLINK
    assert TOPICS.parse(TOPICS.desired(device)) is OWN_DOWNLINK


@given(st.one_of(st.text(), st.lists(st.text(max_size=8), max_size=9).map(lambda rest: "/".join(["devices", *rest]))))
def test_no_topic_raises(topic: str) -> None:
    parsed = TOPICS.parse(topic)
    if isinstance(parsed, Route):
        assert TOPICS.uplink(parsed.source, cast("Kind", parsed.kind), parsed.detail) == topic


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("devices", "odd_levels"),
        ("devices/a/telemetry", "odd_levels"),
        ("devices/a/b", "odd_levels"),
        ("devices/a/b/telemetry/t/more", "odd_levels"),
        ("devices/a/b/state/x", "odd_levels"),
        ("devices/a/b/event", "odd_levels"),
        ("devices/a/b/ack/1/2/3", "odd_levels"),
        ("devices/a/b/command/1", "odd_levels"),
        ("devices//b/telemetry", "bad_name"),
        ("devices/a/b c/telemetry", "bad_name"),
        ("devices/a/" + "b" * 65 + "/telemetry", "bad_name"),
        ("devices/a/b\n/telemetry", "bad_name"),
        ("devices/a/b/telemetry/", "bad_name"),
        ("devices/a/b/event/ö", "bad_name"),
        ("devices/a/b/", "unknown_suffix"),
        ("devices/a/b/nonsense", "unknown_suffix"),
        ("devices/a/b/Telemetry", "unknown_suffix"),
    ],
)
def test_nobodys_topics_are_rejected_with_their_reason(topic: str, reason: str) -> None:
    assert TOPICS.parse(topic) == RejectedTopic(reason)


def test_another_root_is_not_ours() -> None:
    assert TOPICS.parse("other/a/b/telemetry") is None


@pytest.mark.parametrize("root", ["", "a/b", "+", "#", "$SYS", "a b"])
def test_a_bad_root_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="topic root"):
        NativeTopics(root)


def test_mosquittos_rights_are_those_of_the_topics() -> None:
    rights = (Path(__file__).resolve().parents[5] / "mosquitto" / "acl").read_text().splitlines()
    for shape in TOPICS.shapes:
        down = shape.endswith(("/command/+/+", "/desired"))
        for line in (f"topic {'read' if down else 'write'} {shape}", f"pattern {'read' if down else 'write'} {shape}"):
            assert line.replace("devices/+/+", "devices/%u" if line.startswith("pattern") else "devices/+/+") in rights
