"""A dialect that an app adds: from the broker by the gateway and the worker to a reading, and a command back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import modify_settings

from bridge.dialects.dialect import RejectedTopic
from bridge.dialects.registry import dialects
from bridge.messages import Delivery
from devices import extensions
from devices.models import Command, Device, Quarantined, Reading
from devices.rules.commands import begun
from mqtt_gateway.client.broker import Outgoing
from mqtt_gateway.downlink import packet
from mqtt_gateway.options import GatewayOptions, problem
from mqtt_gateway.rules.routing import Routed, router
from tests.support.worlds.deliveries import NOW_MS
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db

FERN = "demo/fern"


@pytest.fixture
def plants() -> Iterator[None]:
    """The app is installed, as at start-up."""
    with extensions.restored(), modify_settings(INSTALLED_APPS={"append": "tests.apps.plants"}):
        yield


@pytest.fixture
def worker(plants: None) -> Worker:
    worker = Worker()
    worker.round()
    return worker


def routed(topic: str, payload: bytes) -> Delivery:
    """What the gateway hands to the worker."""
    route = router(dialects("devices"), 4)(topic)
    assert isinstance(route, Routed)
    fields = (topic, route.source, route.kind, route.detail, payload, NOW_MS)
    return Delivery(*fields, qos=0, retain=False, dup=False, packet_id=0, dialect=route.dialect)


def test_the_gateway_listens_to_it(plants: None) -> None:
    assert GatewayOptions().filters == ("devices/#", "plants/+/+")
    assert problem(GatewayOptions(topic_filters=("plants/demo/+", "devices/#"))) is None


def test_a_message_becomes_a_reading(worker: Worker) -> None:
    worker.hear(routed("plants/demo/fern", b"moisture=41 light=7"), routed("devices/demo/pump/telemetry", b'{"t":1}'))
    assert Reading.objects.get(device__key=FERN).metrics == {"moisture": 41, "light": 7}
    assert (twin_of(FERN).dialect, twin_of("demo/pump").dialect) == ("plants", "")
    assert {one["device"] for one in worker.seen} == {FERN, "demo/pump"}


def test_a_wrong_message_is_set_aside_and_replayed_by_the_same_dialect(worker: Worker) -> None:
    worker.hear(routed("plants/demo/fern", b"moisture=wet"))
    entry = Quarantined.objects.get()
    assert (entry.reason, entry.detail) == ("not_a_scalar", "moisture=wet")
    assert worker.ask(FERN, "replay", quarantined_id=entry.pk)["reason"] == "not_a_scalar"


def test_a_command_goes_the_dialects_way(worker: Worker) -> None:
    worker.hear(routed("plants/demo/fern", b"moisture=41"))
    now = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)
    command = Command.objects.create(
        device=Device.objects.get(key=FERN),
        name="water",
        args={"seconds": 5},
        timeline=list(begun(NOW_MS).timeline),
        created_at=now,
        expires_at=now + timedelta(seconds=30),
    )
    worker.commanded(command.pk)
    (sent,) = worker.sent
    assert packet(sent, NOW_MS) == Outgoing("plants/demo/fern/do", b"water", expiry_s=30)
    worker.published(sent)
    command.refresh_from_db()
    assert command.status == "sent"


def test_what_cannot_be_said_is_not_published(worker: Worker) -> None:
    worker.hear(routed("plants/demo/fern", b"moisture=41"))
    assert worker.ask(FERN, "desired", patch={"moisture": 50})["version"] == 1
    assert worker.sent == []
    assert worker.wait(100).downlinks == []


def test_nothing_is_left_of_a_dialect_that_was_taken_away() -> None:
    with extensions.restored(), modify_settings(INSTALLED_APPS={"append": "tests.apps.plants"}):
        assert dialects("devices").by_name.get("plants")
    assert GatewayOptions().filters == ("devices/#",)
    assert router(dialects("devices"), 4)("plants/demo/fern") == RejectedTopic("foreign_root")
    assert [one.name for one in dialects("devices")] == [""]
