"""A Zigbee2MQTT lists its fifty devices in 1.2 MB: those who wait for the round that takes it hardly notice."""

import time
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import parse_dialects
from bridge.messages import Delivery
from devices.models import Description, Device
from tests.support.worlds.deliveries import NOW_MS
from tests.support.worlds.ingest_worker import Worker

BASE = "home/zigbee2mqtt"
DEVICES, MODELS = 50, 20
MOST_S = 0.1  # of CPU time, in the one thread in which all the worker's shards wait for each other
TRIES = 4  # the quickest counts: a pause of the machine is no work of ours


@pytest.fixture
def worker(db: None) -> Iterator[Worker]:
    spoken = parse_dialects("native,zigbee2mqtt@home")
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        worker = Worker()
        worker.round()
        yield worker


def listed(number: int) -> Delivery:
    """The ``number``-th list, in which all labels are others than in the one before."""
    devices = [
        {"ieee_address": f"0x{device:016x}", "friendly_name": f"room {device}/plug", "type": "Router",
         "definition": {"vendor": "Example", "model": f"model {device % MODELS}", "exposes": [
             {"type": "numeric", "property": f"p{place}", "label": f"P {place} {device % MODELS} {number}", "access": 7,
              "unit": "W", "value_max": 100, "description": "x" * 300,
              "presets": [{"name": "a" * 40, "value": 1, "description": "y" * 200}]}
             for place in range(35)
         ]}}
        for device in range(DEVICES)
    ]  # fmt: skip
    payload = msgspec.json.encode(devices)
    assert len(payload) > 1_200_000
    topic = "zigbee2mqtt/bridge/devices"
    return Delivery(
        topic, BASE, "bridge", "devices", payload, NOW_MS, 1, False, False, number + 1, dialect="zigbee2mqtt"
    )


def took_s(worker: Worker, delivery: Delivery) -> float:
    began = time.process_time()
    worker.hear(delivery)
    return time.process_time() - began


def test_a_list_in_which_everything_is_new_or_nothing_is_takes_less_than_a_tenth_of_a_second(worker: Worker) -> None:
    first = took_s(worker, listed(0))
    assert Device.objects.count() == DEVICES + 1
    changed = min(took_s(worker, listed(number)) for number in range(1, TRIES + 1))
    labels = {doc["dialect"]["properties"][-1]["label"] for doc in Description.objects.values_list("doc", flat=True)
              if doc["dialect"].get("name", "").startswith("room")}  # fmt: skip
    assert labels == {f"P 34 {model} {TRIES}" for model in range(MODELS)}
    same = min(took_s(worker, listed(TRIES)) for _ in range(TRIES))
    print(f"first {first * 1e3:.0f}, all changed {changed * 1e3:.0f}, as before {same * 1e3:.0f} ms")
    assert max(changed, same) < MOST_S
