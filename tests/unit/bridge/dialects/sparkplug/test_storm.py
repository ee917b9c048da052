"""A thousand edge nodes of one shard whose births were lost at once."""

from collections import Counter
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import Base, Route
from bridge.messages import Delivery, Publish
from bridge.shards import shard_of
from tests.support.worlds.ingest_worker import Worker

pytestmark = pytest.mark.django_db

DATA = bytes.fromhex("120b100118f0daa1b5a234500118")[:13]  # a metric by alias: what it is called was lost
NODES, SECONDS = 1_000, 215


def test_five_rebirths_a_second_are_asked_for_and_each_node_once_a_minute() -> None:
    spoken = (*NATIVE_ALONE, Enabled("sparkplug", (Base("plant"),)))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        worker = Worker()
        worker.round()
        begin_ms = worker.now_ms
        worker.hear(*deliveries(worker.now_ms))
        asked: list[tuple[int, str]] = []
        for _ in range(5 * SECONDS):
            asked += [(worker.now_ms, one.topic) for _, one in worker.last.prompts if isinstance(one, Publish)]
            worker.wait(0.2)
    seconds = Counter((at_ms - begin_ms) // 1000 for at_ms, _ in asked)
    assert max(seconds.values()) <= 5
    assert len({topic for _, topic in asked}) == NODES
    last: dict[str, int] = {}
    for at_ms, topic in asked:
        assert at_ms - last.get(topic, 0) >= 60_000, topic
        last[topic] = at_ms


def deliveries(now_ms: int) -> list[Delivery]:
    """Data of nodes that were never born, all of one shard."""
    found: list[Delivery] = []
    number = 0
    while len(found) < NODES:
        number += 1
        topic = f"spBv1.0/g/NDATA/n{number}"
        route = settings.DEVICES.dialects.by_name["sparkplug"].route(topic)
        assert isinstance(route, Route)
        if shard_of(route.source, 4) == 0:
            fields = (topic, route.source, route.kind, route.detail, DATA, now_ms)
            found.append(Delivery(*fields, qos=0, retain=False, dup=False, packet_id=0, dialect="sparkplug"))
    return found
