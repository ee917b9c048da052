"""A Zigbee2MQTT lists its fifty devices in 1.2 MB: those who wait for the round that takes it hardly notice."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import msgspec
import pytest
from django.conf import settings
from django.test import override_settings

from bridge.descriptions import Description as Whatever
from bridge.dialects.builtin import parse_dialects
from bridge.dialects.dialect import Said
from bridge.messages import Delivery
from bridge.observations import Described
from devices.models import Description, Device, LedgerCount, Request, Twin
from devices.worker.effects.work import Round, RoundWork
from devices.worker.link import later
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
    """The longest of the rounds that it takes."""
    took = [timed_s(partial(worker.hear, delivery))]
    while worker.last.next_ms is not None and worker.last.next_ms <= worker.now_ms:
        took.append(timed_s(worker.round))
    return max(took)


def timed_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def labels() -> set[str]:
    """Of the last property of each device."""
    docs = (doc["dialect"] for doc in Description.objects.values_list("doc", flat=True))
    return {doc["properties"][-1]["label"] for doc in docs if doc.get("name", "").startswith("room")}


def test_a_list_in_which_everything_is_new_or_nothing_is_takes_less_than_a_tenth_of_a_second(worker: Worker) -> None:
    first = took_s(worker, listed(0))
    assert Device.objects.count() == DEVICES + 1
    changed = min(took_s(worker, listed(number)) for number in range(1, TRIES + 1))
    assert labels() == {f"P 34 {model} {TRIES}" for model in range(MODELS)}
    same = min(took_s(worker, listed(TRIES)) for _ in range(TRIES))
    print(f"first {first * 1e3:.0f}, all changed {changed * 1e3:.0f}, as before {same * 1e3:.0f} ms")
    assert max(changed, same) < MOST_S


def test_what_is_put_off_is_carried_out_once_by_whoever_has_the_shard_then(worker: Worker) -> None:
    worker.hear(listed(0))
    assert Device.objects.count() == later.AT_ONCE + 1
    plug = Delivery(
        "zigbee2mqtt/room 40/plug", BASE, "member", "room 40/plug", b'{"p1":7}', NOW_MS, 1, False, False, 9,
        dialect="zigbee2mqtt",
    )  # fmt: skip
    worker.hear(plug)
    assert Description.objects.filter(device__key=f"{BASE}~0x{40:016x}").exists(), "whoever speaks does not wait"
    other = Worker(owner="other", epoch=2)
    other.round()
    other.hear(listed(1))
    while Request.objects.filter(status="pending").exists():
        other.round()
    assert Device.objects.count() == DEVICES + 1
    assert labels() == {f"P 34 {model} 1" for model in range(MODELS)}, "what is known by then"
    counts = LedgerCount.objects.filter(outcome="applied").values_list("count", flat=True)
    assert sum(counts) == 3, "each message counts once"
    revs = dict(Twin.objects.values_list("device__key", "rev"))
    while other.last.next_ms is not None and other.last.next_ms <= other.now_ms:
        other.round()
    assert revs == dict(Twin.objects.values_list("device__key", "rev"))


def test_no_piece_keeps_people_waiting_behind_hundreds_of_others() -> None:
    source = listed(0)
    work = RoundWork(Round(), (), NOW_MS)
    said = [Said(f"{BASE}~{number}", Described(Whatever(name="x"))) for number in range(2_000)]
    at_once = later.put_off(said, source, "g", work)
    assert [one.device for one in at_once] == [one.device for one in said[: later.AT_ONCE]]
    assert len(work.later) == 20
    assert [key for row in work.later for key in row.body["devices"]] == [one.device for one in said[later.AT_ONCE :]]
