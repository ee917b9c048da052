"""What the worker stores of a corpus is what playing it alone comes to: devices, values, presence, events."""

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings
from msgspec import structs

from bridge.dialects.builtin import Enabled
from bridge.dialects.dialect import Route
from bridge.messages import Delivery
from devices.models import Device, Event, Source
from tests.support.dialects.broker import Broker
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row, rows
from tests.support.dialects.spoken import SPOKEN
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db

CORPORA = {"tasmota": "tasmota", "shelly1": "shelly", "shelly2": "shelly", "frigate": "frigate", "rtl433": "rtl433"}


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_corpus_through_the_worker(corpus: str) -> None:
    name = CORPORA[corpus]
    spoken = (*settings.DEVICES.spoken, Enabled(name, SPOKEN[name].bases))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        worker = Worker()
        played = [structs.replace(row, received_ms=worker.now_ms) for row in rows(corpus)]
        alone = Player(SPOKEN[name].dialect()).play(played)
        worker.hear(*deliveries(alone.broker, played, name))
    assert set(Device.objects.values_list("key", flat=True)) == set(alone.twins)
    for device, twin in alone.twins.items():
        stored = twin_of(device)
        assert {metric: one.value for metric, one in stored.metrics.items()} == values(alone, device)
        assert stored.presence.status == twin.presence.status
        assert stored.dialect == name
    assert Event.objects.count() == sum(len(alone.events(device)) for device in alone.twins)
    assert set(Source.objects.values_list("key", flat=True)) <= {device.partition("~")[0] for device in alone.states}


def deliveries(broker: Broker, played: list[Row], name: str) -> list[Delivery]:
    """What a gateway makes of the rows, with the filters that were wanted in the end."""
    found = []
    for row in played:
        route = broker.route(row.topic)
        if isinstance(route, Route) and broker.subscribed(row.topic):
            found.append(
                Delivery(
                    row.topic, route.source, route.kind, route.detail, row.payload, row.received_ms,
                    qos=1, retain=row.stored, dup=False, packet_id=row.number, dialect=name,
                )
            )  # fmt: skip
    return found
