from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import messages as m
from bridge import wire

messages = st.one_of(
    st.from_type(m.Batch),
    st.from_type(m.Batches),
    st.from_type(m.Acks),
    st.from_type(m.Publish),
    st.from_type(m.Published),
    st.from_type(m.Refetch),
    st.from_type(m.FiltersChanged),
    st.from_type(m.CommandStored),
    st.from_type(m.RequestStored),
    st.from_type(m.RequestSettled),
    st.from_type(m.Commit),
)


def _fits(message: wire.Message) -> bool:
    """Hypothesis draws integers and texts that no message may hold."""
    try:
        msgspec.msgpack.encode(message)
    except (OverflowError, UnicodeEncodeError):
        return False
    return True


@given(messages.filter(_fits))
def test_every_message_round_trips(message: wire.Message) -> None:
    assert wire.unpack(wire.pack(message)) == message


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(st.text(), st.sampled_from(["uplink.batch", "link.acks", "dashboard.commit"]), st.none()),
            "v": st.one_of(st.integers(), st.just(1), st.none()),
            "body": st.one_of(st.binary(), st.text()),
        },
    )
)
def test_no_layer_message_raises(layer_message: dict[str, Any]) -> None:
    assert wire.unpack(layer_message) is not None


@given(messages.filter(_fits), st.data())
def test_no_damaged_message_raises(message: wire.Message, data: st.DataObject) -> None:
    packed = wire.pack(message)
    cut = data.draw(st.integers(0, len(packed["body"])))
    assert wire.unpack({**packed, "body": packed["body"][:cut]}) is not None


def test_another_version_is_named() -> None:
    packed = wire.pack(m.CommandStored(0, "c"))
    assert wire.unpack({**packed, "v": 2}) == wire.Unreadable("command.stored of version 2, expected 1")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("downlink.command", [1, "demo/d1", "c1", "set_led", b"{}", 1_800_000_000_000]),
        ("downlink.desired", [1, "demo/d1", b"{}"]),
        ("downlink.published", [1, "demo/d1", "command", "c1", b"", True, "", 1_800_000_000_000]),
        ("downlink.published", [1, "demo/d1", "desired", "", b"{}", True, "", 1_800_000_000_000]),
    ],
)
def test_what_a_process_from_before_publish_says_is_unreadable(kind: str, body: list[Any]) -> None:
    assert isinstance(
        wire.unpack({"type": kind, "v": wire.VERSION, "body": msgspec.msgpack.encode(body)}), wire.Unreadable
    )


def test_a_delivery_from_before_there_were_dialects_is_causeways_own() -> None:
    fields: list[Any] = ["devices/s/d/state", "s/d", "state", "", b"{}", 5, 1, False, False, 1, True]
    body = msgspec.msgpack.encode([1, "g", 2, 3, "reply", [fields]])
    batch = wire.unpack({"type": "uplink.batch", "v": 1, "body": body})
    assert isinstance(batch, m.Batch)
    (delivery,) = batch.deliveries
    assert (delivery.source, delivery.late, delivery.dialect) == ("s/d", True, "")


def test_types_name_consumer_handlers() -> None:
    for kind in ("uplink.batch", "command.stored", "request.stored", "downlink.published"):
        assert kind.replace(".", "_").isidentifier()
