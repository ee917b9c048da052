"""Commands in Causeway's own dialect, where the device's description says something else than that it acknowledges."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.messages import Publish
from devices.models import Command, Description
from devices.rules.commands import command_json
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker
from tests.unit.devices.worker.round.test_rounds_commands import steps, stored

N = key_in(0, name="native")
ACTIONS = [
    {"name": "toggle", "retry": "once", "ack": "none"},
    {"name": "press", "retry": "once"},
    {"name": "fade", "ack": "echo"},
    {"name": "beep"},
]


@pytest.fixture
def native(worker: Worker) -> Worker:
    """Has heard of a device that says what it can do."""
    worker.take(worker.uplink.hello(0))
    worker.hear(delivery(N, "model", {"actions": ACTIONS}, at_ms=worker.now_ms))
    return worker


def to_native(worker: Worker, name: str, args: dict[str, Any] | None = None) -> Command:
    one = stored(N, name=name, args=args or {}, at_ms=worker.now_ms)
    worker.commanded(one.pk)
    return one


def sent_now(worker: Worker) -> list[Publish]:
    """What goes to gateways, once it is permitted."""
    if not worker.sent:
        worker.round()
    return worker.sent


def by(one: Command) -> list[tuple[str, str]]:
    one.refresh_from_db()
    return [(step["status"], step["by"]) for step in command_json(one, N)["timeline"]]


def test_what_its_description_leaves_out_is_acknowledged_and_repeated_until_then(native: Worker) -> None:
    kept = Description.objects.get(device__key=N).doc["document"]["value"]
    ways = {one["name"]: (one["retry"], one["ack"]) for one in kept["actions"]}
    assert ways == {
        "toggle": ("once", "none"),
        "press": ("once", "exact"),
        "fade": ("until_ack", "echo"),
        "beep": ("until_ack", "exact"),
    }
    one = to_native(native, "beep")
    native.published(sent_now(native)[0])
    native.wait(60)
    assert steps(one) == ["accepted", "sent", "expired"]


def test_a_native_action_that_nobody_answers_is_unconfirmed_and_never_sent_twice(native: Worker) -> None:
    one = to_native(native, "toggle")
    [publish] = sent_now(native)
    assert publish.topic == f"devices/{N}/command/{one.pk}/toggle"
    native.published(publish)
    native.wait(60)
    assert by(one) == [("accepted", "causeway"), ("sent", "broker"), ("unconfirmed", "causeway")]
    assert native.sent == []


def test_a_native_action_of_one_time_is_not_repeated_after_a_takeover(
    native: Worker, another_worker: Callable[[], Worker]
) -> None:
    one = to_native(native, "press")
    assert len(sent_now(native)) == 1
    heir = another_worker()
    heir.now_ms = native.now_ms
    heir.take(heir.uplink.hello(0))
    assert heir.sent == []
    heir.wait(61)
    assert heir.sent == []
    assert steps(one)[-1] == "unconfirmed"


def test_a_native_echo_is_its_end(native: Worker) -> None:
    one = to_native(native, "fade", {"level": 3})
    native.published(sent_now(native)[0])
    native.hear(delivery(N, "telemetry", {"level": 3}, at_ms=native.now_ms))
    assert by(one)[-1] == ("done", "echo")


def test_a_native_action_may_be_acknowledged_all_the_same(native: Worker) -> None:
    one = to_native(native, "toggle")
    native.published(sent_now(native)[0])
    native.hear(delivery(N, f"ack/{one.pk}", {"status": "done"}, at_ms=native.now_ms))
    assert by(one)[-1] == ("done", "device")
