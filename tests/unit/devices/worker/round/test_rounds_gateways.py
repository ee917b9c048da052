"""Several gateways, each at a broker of its own: what goes down goes to the broker at which the device is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import json

from bridge.messages import Publish
from bridge.names import gateway_channel
from devices.models import Command, Device
from devices.requests.registry import register_device
from devices.rules.commands import begun
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.downlinks import answer, command_id
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.conftest import GatewayLink

pytestmark = pytest.mark.django_db

SOUTH = "south-gateway"
A, B = key_in(0), key_in(0, nth=1)
Batches = Callable[..., Any]


@pytest.fixture
def south(gateways: dict[str, GatewayLink], worker: Worker) -> Batches:
    """Another gateway, with the same filters: hear what it brings. B is at its broker, A at the first one's."""
    gateways[SOUTH] = GatewayLink(SOUTH, broker="south:1883")
    gateways[GATEWAY].broker = "north:1883"
    uplink = Uplink(gateway=SOUTH)
    worker.round()
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.take(uplink.batch(delivery(B, "telemetry", {"t": 1})))
    return lambda *deliveries: worker.take(uplink.batch(*deliveries))


def stored(key: str) -> Command:
    """A command as the web has just stored it."""
    now = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)
    device = Device.objects.filter(key=key).first() or register_device(key)
    timeline = list(begun(NOW_MS).timeline)
    fields: dict[str, Any] = {"name": "set_led", "args": {}, "timeline": timeline, "created_at": now}
    return Command.objects.create(device=device, expires_at=now + timedelta(hours=1), **fields)


def down(worker: Worker) -> dict[str, list[Publish]]:
    """What went down in the last round, by device; each by the gateway that is expected to."""
    out: dict[str, list[Publish]] = {}
    for _, sent in worker.last.downlinks:
        out.setdefault(sent.device, []).append(sent)
    return out


def channels(worker: Worker) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for channel, sent in worker.last.downlinks:
        out.setdefault(sent.device, set()).add(channel)
    return out


def test_each_command_goes_to_its_devices_broker(worker: Worker, south: Batches) -> None:
    assert (twin_of(A).gateway, twin_of(B).gateway) == (GATEWAY, SOUTH)
    one, other = stored(A), stored(B)
    worker.commanded(one.pk, other.pk)
    assert channels(worker) == {A: {gateway_channel(GATEWAY)}, B: {gateway_channel(SOUTH)}}


def test_a_worker_that_takes_the_shard_over_knows_it(
    worker: Worker, south: Batches, another_worker: Callable[[], Worker]
) -> None:
    stored(A)
    stored(B)
    other = another_worker()
    other.now_ms += 1_000
    other.round()
    assert channels(other) == {A: {gateway_channel(GATEWAY)}, B: {gateway_channel(SOUTH)}}


def test_what_another_broker_confirms_is_not_sent(worker: Worker, south: Batches) -> None:
    command = stored(B)
    worker.commanded(command.pk)
    (sent,) = down(worker)[B]
    worker.round(published=(answer(sent, gateway=GATEWAY, at_ms=NOW_MS),))
    command.refresh_from_db()
    assert command.status == "accepted"
    worker.round(published=(answer(sent, gateway=SOUTH, at_ms=NOW_MS),))
    command.refresh_from_db()
    assert command.status == "sent"


def test_what_was_kept_or_late_says_nothing_of_where_the_device_is(worker: Worker, south: Batches) -> None:
    south(delivery(A, "state", {"a": 1}, retain=True), delivery(A, "telemetry", {"t": 2}, late=True))
    assert twin_of(A).gateway == GATEWAY


def test_a_device_that_moves_gets_at_once_what_waits_for_it(worker: Worker, south: Batches) -> None:
    command = stored(A)
    worker.commanded(command.pk)
    assert worker.ask(A, "desired", patch={"led": True})["version"] == 1
    (desired,) = [one for one in down(worker)[A] if one.retain]
    worker.published(desired)
    assert twin_of(A).desired_published
    worker.now_ms += 1_000
    south(delivery(A, "telemetry", {"t": 3}))
    assert channels(worker) == {A: {gateway_channel(SOUTH)}}
    again = down(worker)[A]
    assert {one.topic for one in again} == {desired.topic, f"devices/{A}/command/{command.pk}/set_led"}
    worker.round(published=tuple(answer(one, gateway=GATEWAY, at_ms=NOW_MS) for one in again))
    assert twin_of(A).desired_published == "?", "its new broker holds nothing yet"
    worker.round(published=tuple(answer(one, gateway=SOUTH, at_ms=NOW_MS) for one in again))
    assert json.decode(twin_of(A).desired_published) == {"version": 1, "delta": {"led": True}}


def test_a_device_that_was_never_heard_is_looked_for_by_filters(
    worker: Worker, south: Batches, gateways: dict[str, GatewayLink]
) -> None:
    yard = next(key for key in (f"yard/lamp{number}" for number in range(99)) if _shard(key) == 0)
    gateways[GATEWAY].filters, gateways[SOUTH].filters = ("devices/demo/#",), ("devices/yard/#",)
    command = stored(yard)
    worker.commanded(command.pk)
    assert channels(worker) == {yard: {gateway_channel(SOUTH)}}


def test_a_gateway_that_refuses_holds_only_its_own_up(worker: Worker, south: Batches) -> None:
    commands = [stored(A), stored(B)]
    worker.commanded(*(one.pk for one in commands))
    (sent,) = down(worker)[B]
    worker.round(published=(answer(sent, ok=False, reason="broker link down", gateway=SOUTH, at_ms=worker.now_ms),))
    further = {key: stored(key) for key in (A, B)}
    worker.commanded(*(one.pk for one in further.values()))
    assert [command_id(one) for one in down(worker)[A]] == [str(further[A].pk)]
    assert B not in down(worker)
    worker.wait(1)
    assert str(further[B].pk) in {command_id(one) for one in down(worker)[B]}


def test_a_new_connection_concerns_its_own_devices(worker: Worker, south: Batches) -> None:
    worker.commanded(stored(A).pk, stored(B).pk)
    worker.now_ms += 1_000
    worker.take(Uplink(epoch=2, gateway=SOUTH).hello(0))
    assert set(down(worker)) == {B}


def test_what_is_left_of_a_deleted_device_is_cleared_where_it_was(worker: Worker, south: Batches) -> None:
    worker.ask(B, "desired", patch={"led": True})
    for one in down(worker)[B]:
        worker.round(published=(answer(one, gateway=SOUTH, at_ms=NOW_MS),))
    worker.ask(B, "delete")
    (cleared,) = down(worker)[B]
    assert (cleared.topic, cleared.payload, cleared.retain) == (f"devices/{B}/desired", b"", True)
    assert channels(worker) == {B: {gateway_channel(SOUTH)}}


def test_a_gateway_under_a_new_client_id_takes_over_its_predecessors_devices(
    worker: Worker, south: Batches, gateways: dict[str, GatewayLink]
) -> None:
    gateways[SOUTH].broker_up = False
    gateways["south-2"] = GatewayLink("south-2", broker="south:1883")
    worker.round()
    worker.wait(6)
    worker.wait(1)
    worker.commanded(stored(B).pk, stored(A).pk)
    assert channels(worker) == {A: {gateway_channel(GATEWAY)}, B: {gateway_channel("south-2")}}


def _shard(key: str) -> int:
    from bridge.shards import shard_of

    return shard_of(key, 4)
