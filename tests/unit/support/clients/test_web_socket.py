"""The tests' follower: what breaks the stream rule is a failure, whoever notices it."""

import asyncio

import pytest
from msgspec import ValidationError

from tests.support.clients.web_socket import Follower, Frame, Stream, StreamBrokenError
from tests.unit.causeway_client.fake_server import NOTHING, fake_server

SHOWN: Frame = {
    "n": 1,
    "type": "snapshot",
    "sub": "1",
    "reason": "subscribe",
    "more": False,
    "devices": [{"device": "s/a", "rev": 1, **NOTHING}],
}
GAP: Frame = {"n": 2, "type": "delta", "sub": "1", "items": [{"device": "s/a", "prev": 5, "rev": 6, "readings": []}]}


def test_a_gap_is_a_failed_assertion() -> None:
    stream = Stream()
    stream.take(SHOWN)
    with pytest.raises(AssertionError, match="begins at 5"):
        stream.take(GAP)


def test_a_stream_remembers_what_it_was_told() -> None:
    stream = Stream()
    stream.take(SHOWN)
    reading = {"rev": 2, "ts": 1, "metrics": {"t": 1}}
    item = {"device": "s/a", "prev": 1, "rev": 2, "readings": [reading]}
    stream.take({"n": 2, "type": "delta", "sub": "1", "items": [item]})
    event = {"n": 3, "type": "event", "sub": "1", "device": "s/a", "prev": 2, "rev": 3, "name": "e", "data": 1, "ts": 1}
    stream.take(event)
    stream.take({"n": 4, "type": "gone", "sub": "1", "device": "s/a"})
    assert stream.snapshots == [("subscribe", "s/a")]
    assert stream.readings == {"s/a": {2: reading}}
    assert stream.events == {"s/a": {3: event}}
    assert (stream.gone, stream.devices) == (["s/a"], {})


def test_a_frame_with_an_unknown_or_a_missing_field_is_a_failure() -> None:
    for wrong in (SHOWN | {"colour": "red"}, {name: SHOWN[name] for name in SHOWN if name != "more"}):
        with pytest.raises(ValidationError):
            Stream().take(wrong)


@pytest.mark.parametrize("wrong", [{"items": GAP["items"]}, {"items": [], "n": 99}], ids=["gap", "number"])
async def test_a_follower_fails_with_its_stream(wrong: Frame) -> None:
    async with fake_server() as server:
        follower = Follower(f"ws://127.0.0.1:{server.port}/ws/v1/", "secret", site="s")
        await asyncio.to_thread(follower.__enter__)
        peer = await server.next_peer()
        sub = (await peer.accept())["id"]
        await peer.show(sub, "s/a")
        await peer.send("delta", sub=sub, **wrong)
        with pytest.raises(StreamBrokenError):
            await asyncio.to_thread(follower.until, lambda _: False)
        with pytest.raises(StreamBrokenError):
            await asyncio.to_thread(follower.__exit__)
        assert follower.connections == 1
