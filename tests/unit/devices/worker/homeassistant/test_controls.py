"""What Home Assistant asks of native devices: one command for each message, told to the device once it is stored."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import override_settings

from bridge.dialects.builtin import with_controls
from bridge.dialects.native.control_topics import CONTROLS
from bridge.messages import Delivery
from devices.models import Command, Device, LedgerCount
from devices.requests.command_storage import MAX_OPEN_COMMANDS
from devices.worker.commands.commands import CommandsFeature
from tests.support.worlds.deliveries import delivery
from tests.support.worlds.ingest_worker import Worker

PUMP = "plant/pump"
MODEL = {
    "properties": [{"metric": "on", "kind": "boolean", "settable": True},
                   {"metric": "dose", "kind": "number", "settable": True, "low": 5, "high": 250, "step": 5}],
    "actions": [{"name": "prime"}],
}  # fmt: skip


@pytest.fixture
def worker(db: None) -> Iterator[Worker]:
    spoken = with_controls(settings.DEVICES.spoken, "homeassistant")
    with override_settings(DEVICES=replace(settings.DEVICES, homeassistant_export="homeassistant", spoken=spoken)):
        worker = Worker()
        worker.hear(delivery(PUMP, "model", MODEL), delivery(PUMP, "telemetry", {"on": False}))
        yield worker


def says(worker: Worker, verb: str, control: str, payload: bytes, device: str = PUMP, **more: Any) -> Delivery:
    topic = f"causeway/homeassistant/{device}/{verb}/{control}"
    fields = {"qos": 1, "retain": False, "dup": False, "packet_id": 7, **more}
    return Delivery(topic, device, verb, control, payload, worker.now_ms, dialect=CONTROLS, **fields)


def rejected(reason: str) -> int:
    rows = LedgerCount.objects.filter(outcome="rejected", reason=reason)
    return sum(rows.values_list("count", flat=True))


def test_a_message_becomes_a_command_by_home_assistant(worker: Worker) -> None:
    worker.hear(says(worker, "set", "on", b"ON"), says(worker, "do", "prime", b"PRESS"))
    commands = {one.name: one for one in Command.objects.all()}
    assert {name: one.args for name, one in commands.items()} == {"set": {"on": True}, "prime": {}}
    assert {one.timeline[0]["by"] for one in commands.values()} == {"homeassistant"}
    assert {one.created_by for one in commands.values()} == {"app:homeassistant"}
    sent = {one.topic: one.payload for one in worker.sent if one.token.startswith(b"c")}
    assert sent == {f"devices/{PUMP}/command/{one.pk}/{name}": _json(one.args) for name, one in commands.items()}
    shown = [one for one in worker.seen if one.get("status") == "accepted"]
    assert len(shown) == 2


def _json(args: dict[str, Any]) -> bytes:
    return b'{"on":true}' if args else b"{}"


def test_the_same_message_again_is_no_second_command(worker: Worker) -> None:
    batch = worker.uplink.batch(says(worker, "do", "prime", b"PRESS"))
    for _ in range(2):
        worker.take(batch)
    assert Command.objects.count() == 1


def test_a_transaction_that_fails_leaves_no_command(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = worker.uplink.batch(says(worker, "do", "prime", b"PRESS"))

    def fail(*_: object) -> None:
        monkeypatch.undo()
        raise DatabaseError

    monkeypatch.setattr(CommandsFeature, "stored_now", fail)
    with pytest.raises(DatabaseError):
        worker.take(batch)
    assert not Command.objects.exists()
    worker.take(batch)
    assert Command.objects.count() == 1


@pytest.mark.parametrize(
    ("verb", "control", "payload", "more", "reason"),
    [
        ("set", "dose", b"7", {}, "no_control"),  # no step
        ("set", "dose", b"300", {}, "no_control"),
        ("set", "on", b"1", {}, "no_control"),
        ("set", "on", b"ON", {"retain": True}, "retained_command"),
        ("set", "on", b"ON", {"late": True}, "late_command"),
        ("set", "on", b"ON", {"device": "plant/nobody"}, "unknown_device"),
    ],
)
def test_what_is_refused_is_counted_and_makes_nothing(
    worker: Worker, verb: str, control: str, payload: bytes, more: dict[str, Any], reason: str
) -> None:
    worker.hear(says(worker, verb, control, payload, **more))
    assert not Command.objects.exists()
    assert rejected(reason) == 1
    assert Device.objects.count() == 1


def test_only_so_many_commands_wait(worker: Worker) -> None:
    worker.hear(*(says(worker, "set", "on", b"ON") for _ in range(MAX_OPEN_COMMANDS - 1)))
    worker.hear(*(says(worker, "set", "on", b"OFF") for _ in range(3)))
    assert Command.objects.count() == MAX_OPEN_COMMANDS
    assert rejected("too_many_commands") == 2
