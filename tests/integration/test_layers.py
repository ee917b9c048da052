"""The layer of groups on a real Redis: what is broadcast while nobody receives is bounded, and the newest arrives."""

import asyncio

import pytest

from config import layers
from config.layers import GroupLayer
from tests.support.service import Service

BODY = b"x" * 10_000


async def test_a_process_that_does_not_receive_keeps_the_newest_broadcasts_only(
    redis: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "WAITING_BYTES", 1_000_000)
    layer = GroupLayer(hosts=[redis.url])
    channel = await layer.new_channel("live.")
    await layer.group_add("dashboard.0", channel)
    for number in range(500):
        await layer.group_send("dashboard.0", {"type": "n", "number": number, "body": BODY})
    received: list[int] = []
    async with asyncio.timeout(10):
        while not received or received[-1] != 499:
            received.append((await layer.receive(channel))["number"])
    assert received[-50:] == list(range(450, 500))
    await layer.group_discard("dashboard.0", channel)
    await layer.flush()
