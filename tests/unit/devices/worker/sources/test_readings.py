"""Deliveries of any dialect come to the devices that they speak of; each counts once."""

from collections.abc import Iterator

import pytest

from bridge.dialects.dialect import (
    Command,
    Filter,
    Publication,
    Reading,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.registry import factories, register_dialect
from bridge.messages import Delivery
from bridge.observations import RawReading, StatusReported, Telemetry
from devices.models import Device, LedgerCount, Quarantined
from devices.models import Reading as ReadingRow
from tests.support.worlds.deliveries import NOW_MS, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db

HUB = key_in(0, name="hub")


class Hub(SimpleDialect):
    """``hub/<site>/<hub>`` with ``name=number`` pairs; ``child.name=number`` is another device's."""

    name = "hub"

    def filters(self) -> tuple[Filter, ...]:
        return (Filter("hub/#"),)

    def route(self, topic: str) -> Sorted | None:
        root, _, source = topic.partition("/")
        return Route(self.name, source, "pairs") if root == "hub" else None

    def example(self, source: str) -> str:
        return f"hub/{source}"

    def read(self, _state: State, delivery: Delivery) -> Reading:
        if delivery.payload == b"boom":
            raise RuntimeError("a bug")
        if delivery.payload == b"elsewhere":
            return Reading((Said("demo/somebody-else", StatusReported(online=True)),))
        if delivery.payload == b"known":
            return Reading()
        said = []
        for pair in delivery.payload.decode().split():
            name, _, value = pair.partition("=")
            child, _, metric = name.rpartition(".")
            device = f"{delivery.source}~{child}" if child else delivery.source
            said.append(Said(device, Telemetry((RawReading(None, {metric: int(value)}),))))
        return Reading(tuple(said), rejected="" if said else "empty")

    def render(self, _state: State, device: str, command: Command, _now_ms: int) -> Rendered:
        return Rendered((Publication(f"hub-do/{device}", command.name.encode()),))


@pytest.fixture
def worker(db: None) -> Iterator[Worker]:
    with factories.reopened():
        register_dialect("hub", lambda _root: Hub())
        worker = Worker()
        worker.round()
        yield worker


def hub(payload: bytes, *, dialect: str = "hub") -> Delivery:
    return Delivery(f"hub/{HUB}", HUB, "pairs", "", payload, NOW_MS, 0, False, False, 0, dialect=dialect)


def ledger() -> dict[tuple[str, str], int]:
    rows = LedgerCount.objects.exclude(outcome="received").values_list("outcome", "reason", "count")
    return {(outcome, reason): count for outcome, reason, count in rows if count}


def test_one_message_speaks_of_several_devices_and_counts_once(worker: Worker) -> None:
    worker.hear(hub(b"power=5 lamp.level=7 lamp.level=8"))
    assert set(Device.objects.values_list("key", "hash")) == {(HUB, _hash(HUB)), (f"{HUB}~lamp", _hash(HUB))}
    assert [row.metrics for row in ReadingRow.objects.filter(device__key=f"{HUB}~lamp").order_by("rev")] == [
        {"level": 7},
        {"level": 8},
    ]
    assert twin_of(HUB).metrics["power"].value == 5
    assert ledger() == {("applied", ""): 1}
    assert {one["device"] for one in worker.seen} == {HUB, f"{HUB}~lamp"}


def test_a_message_that_says_nothing_counts_with_its_reason(worker: Worker) -> None:
    worker.hear(hub(b""))
    assert ledger() == {("rejected", "empty"): 1}
    assert not Device.objects.exists()


def test_a_message_of_which_nothing_is_about_a_device_is_applied(worker: Worker) -> None:
    worker.hear(hub(b"known"))
    assert ledger() == {("applied", ""): 1}
    assert not Device.objects.exists()


def test_nobody_speaks_the_dialect_any_more(worker: Worker) -> None:
    worker.hear(hub(b"power=5", dialect="forgotten"))
    assert ledger() == {("rejected", "unknown_dialect"): 1}


@pytest.mark.parametrize("payload", [b"boom", b"elsewhere"])
def test_a_dialect_with_a_bug_costs_its_message_only(worker: Worker, payload: bytes) -> None:
    worker.hear(hub(b"power=1"), hub(payload), hub(b"power=2"))
    assert ledger() == {("applied", ""): 2, ("quarantined", "internal_error"): 1}
    entry = Quarantined.objects.get()
    assert (entry.owner, entry.topic, bytes(entry.payload)) == (HUB, f"hub/{HUB}", payload)
    assert twin_of(HUB).metrics["power"].value == 2
    assert not Device.objects.filter(key="demo/somebody-else").exists()


def test_what_was_set_aside_can_be_replayed_by_its_dialect(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.hear(hub(b"power=1"), hub(b"boom"))
    entry = Quarantined.objects.get()
    assert worker.ask(HUB, "replay", quarantined_id=entry.pk)["reason"] == "internal_error"
    monkeypatch.setattr(Hub, "read", lambda *_: Reading((Said(HUB, Telemetry((RawReading(None, {"power": 9}),))),)))
    assert worker.ask(HUB, "replay", quarantined_id=entry.pk)["outcome"] == "applied"
    assert twin_of(HUB).metrics["power"].value == 9
    assert not Quarantined.objects.exists()


def _hash(key: str) -> int:
    from bridge.shards import device_hash

    return device_hash(key)
