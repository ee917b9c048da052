"""Native devices announced to Home Assistant by the worker."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import Enabled
from bridge.dialects.dialect import Base
from bridge.messages import Delivery, Publish
from devices.models import Device
from devices.worker.homeassistant.pending import AT_ONCE, CONFIG, EVERY_MS, PRESENCE, Pending
from tests.support.worlds.deliveries import delivery
from tests.support.worlds.ingest_worker import Worker

BOILER = "plant/boiler"


@pytest.fixture
def worker(db: None) -> Iterator[Worker]:
    with override_settings(DEVICES=replace(settings.DEVICES, homeassistant_export="homeassistant")):
        worker = Worker()
        worker.round()
        yield worker


def announced(worker: Worker) -> list[Publish]:
    return [one for one in worker.sent if one.token == b"hc"]


def presences(worker: Worker) -> list[tuple[str, bytes, bool]]:
    sent = (one for results in worker.results for _, one in results.downlinks if one.token == b"hp")
    return [(one.topic, one.payload, one.retain) for one in sent]


def entities(sent: Publish) -> list[str]:
    found: dict[str, Any] = msgspec.json.decode(sent.payload)
    return [one["name"] for one in found["cmps"].values()]


def test_a_device_is_announced_once_and_again_when_more_is_known(worker: Worker) -> None:
    worker.hear(delivery(BOILER, "telemetry", {"t": 1}))
    (first,) = announced(worker)
    assert first.topic.startswith("homeassistant/device/plant_boiler_")
    assert (first.retain, entities(first)) == (True, ["t"])
    worker.published(first)
    worker.wait(120)
    assert not announced(worker)
    worker.hear(delivery(BOILER, "telemetry", {"t": 2, "p": 3}))
    assert not announced(worker)  # readings alone cost nothing
    worker.wait(1)
    worker.hear(delivery(BOILER, "status", "online"))
    (second,) = announced(worker)
    assert entities(second) == ["t", "p"]


def test_whether_a_device_is_there_is_told_when_it_changes(worker: Worker) -> None:
    worker.hear(delivery(BOILER, "telemetry", {"t": 1}))
    worker.wait(1)
    where = "causeway/homeassistant/plant/boiler/presence"
    assert presences(worker) == [(where, b"online", True)]
    worker.wait(settings.DEVICES.stale_after_s + 2)
    worker.wait(1)
    assert presences(worker)[-1] == (where, b"offline", True)
    told = len(presences(worker))
    worker.hear(delivery(BOILER, "telemetry", {"t": 2}, at_ms=worker.now_ms))
    worker.wait(1)
    assert presences(worker)[told:] == [(where, b"online", True)]


def test_what_nobody_confirms_comes_again(worker: Worker) -> None:
    worker.hear(delivery(BOILER, "telemetry", {"t": 1}))
    (first,) = announced(worker)
    worker.published(first, ok=False, reason="offline")
    worker.wait(61)
    worker.wait(1)
    assert [one.payload for results in worker.results for _, one in results.downlinks if one.token == b"hc"] == [
        first.payload
    ] * 2


def test_a_deleted_device_is_withdrawn(worker: Worker) -> None:
    worker.hear(delivery(BOILER, "telemetry", {"t": 1}))
    (first,) = announced(worker)
    worker.published(first)
    worker.wait(1)
    worker.ask(BOILER, "delete")
    sent = announced(worker) or announced_after(worker)
    assert [(one.topic, one.payload, one.retain) for one in sent] == [(first.topic, b"", True)]
    assert presences(worker)[-1] == ("causeway/homeassistant/plant/boiler/presence", b"", True)


def announced_after(worker: Worker) -> list[Publish]:
    worker.wait(1)
    return announced(worker)


def test_nothing_is_announced_unless_it_is_wanted(db: None) -> None:
    worker = Worker()
    worker.hear(delivery(BOILER, "telemetry", {"t": 1}))
    assert not announced(worker)


def test_devices_of_other_dialects_are_not(db: None) -> None:
    spoken = (*settings.DEVICES.spoken, Enabled("homeassistant", (Base("home"),)))
    with override_settings(DEVICES=replace(settings.DEVICES, homeassistant_export="ha", spoken=spoken)):
        worker = Worker()
        config = {"dev": {"ids": ["x"]}, "cmd_t": "x/press"}
        fields = ("button/n/x", msgspec.json.encode(config), worker.now_ms, 1)
        topic = "homeassistant/button/n/x/config"
        worker.hear(Delivery(topic, "home/ha", "config", *fields, False, False, 1, dialect="homeassistant"))
        worker.wait(1)
    assert Device.objects.get().key == "home/ha~x"
    assert not [one for results in worker.results for _, one in results.downlinks]


def test_many_devices_are_announced_some_at_a_time() -> None:
    pending = Pending()
    for number in range(AT_ONCE + 5):
        pending.add(f"site/{number}")
    assert len(list(pending.take(1_000))) == AT_ONCE
    assert list(pending.take(1_000)) == []
    assert pending.due_ms() == 1_000 + EVERY_MS
    assert len(list(pending.take(1_000 + EVERY_MS))) == 5
    assert pending.due_ms() is None


def test_a_broker_that_has_lost_its_memory_is_told_again() -> None:
    pending = Pending()
    pending.add("site/a")
    assert list(pending.take(1_000)) == ["site/a"]
    assert pending.is_news("site/a", CONFIG, b"x", 1_000)
    assert pending.is_news("site/a", PRESENCE, b"x", 1_000)
    pending.answered("site/a", CONFIG, ok=True)
    pending.answered("site/a", PRESENCE, ok=True)
    assert not pending.is_news("site/a", CONFIG, b"x", 1_000)
    pending.again()
    assert list(pending.take(2_000)) == ["site/a"]
    assert pending.is_news("site/a", CONFIG, b"x", 2_000)
