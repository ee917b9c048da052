"""Whole corpora through the worker's transactions: devices, values, names and presence as they are stored."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import Enabled
from bridge.dialects.dialect import Base, Route
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from devices.models import Device, Event, Quarantined, Reading, Source
from tests.support.dialects.broker import Broker
from tests.support.dialects.rows import Row, rows
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dialects() -> Iterator[Dialects]:
    spoken = tuple(Enabled(name, (Base("home"),)) for name in ("zigbee2mqtt", "homeassistant"))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=(*settings.DEVICES.spoken, *spoken))):
        yield settings.DEVICES.dialects


def deliveries(dialects: Dialects, name: str, played: tuple[Row, ...], now_ms: int) -> Iterator[Delivery]:
    broker = Broker(dialects.by_name[name])
    state = broker.dialect.fresh()
    for one in played:
        route = broker.route(one.topic)
        if isinstance(route, Route):
            fields = (one.topic, route.source, route.kind, route.detail, one.payload, now_ms)
            delivery = Delivery(*fields, qos=1, retain=False, dup=False, packet_id=one.number, dialect=route.dialect)
            state = broker.dialect.read(state, delivery).state or state
            broker.wanted[route.source] = broker.dialect.wanted(state)
            yield delivery


def test_zigbee2mqtt(dialects: Dialects) -> None:
    worker = Worker()
    for one in deliveries(dialects, "zigbee2mqtt", rows("zigbee2mqtt")[:18], worker.now_ms):
        worker.hear(one)
    found = dict(Device.objects.values_list("key", "twin__doc"))
    assert len(found) == 8
    lamp = twin_of("home/zigbee2mqtt~0x0017880103d4e5f6")
    assert (lamp.metrics["state"].value, lamp.metrics["brightness"].value, lamp.dialect) == (True, 180, "zigbee2mqtt")
    described: Any = Device.objects.get(key="home/zigbee2mqtt~0x0017880103d4e5f6").description.doc
    assert '"name":"living/lamp"' in str(described).replace(" ", "").replace("'", '"')
    assert Event.objects.filter(device__key="home/zigbee2mqtt~0x84fd27fffe112233").get().name == "action"
    assert Source.objects.get().key == "home/zigbee2mqtt"
    assert not Quarantined.objects.exists()
    for one in deliveries(dialects, "zigbee2mqtt", rows("zigbee2mqtt"), worker.now_ms):
        if one.topic.endswith("bridge/state"):
            worker.hear(one)
    assert twin_of("home/zigbee2mqtt~0x00158d0001a2b3c4").presence.status == "unknown"


@pytest.mark.parametrize("corpus", ["ha-discovery", "esphome"])
def test_home_assistants_discovery(dialects: Dialects, corpus: str) -> None:
    worker = Worker()
    worker.hear(*deliveries(dialects, "homeassistant", rows(corpus), worker.now_ms))
    keys = set(Device.objects.values_list("key", flat=True))
    if corpus == "esphome":
        assert keys == {"home/ha~a0b1c2d3e4f5"}
        assert twin_of("home/ha~a0b1c2d3e4f5").metrics["switch.relay"].value is False
        assert Reading.objects.exists()
        return
    assert "home/ha~plant-7" in keys
    assert "home/ha~bad" not in keys
    assert sorted(Quarantined.objects.values_list("reason", flat=True)) == ["bad_identifiers", "bad_json"]
    assert twin_of("home/ha~plant-7").metrics["dose"].value == 25
