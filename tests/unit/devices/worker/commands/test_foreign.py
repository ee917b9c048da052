"""Commands in other dialects: their ends by class, and what is published once and never again, whatever is killed."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.dialects.registry import factories, register_dialect
from bridge.messages import Delivery, Publish
from devices.models import Command
from devices.rules.commands import command_json
from devices.worker.commands.waiting import LATE_MS
from tests.support.gadget_dialect import WAIT_MS, GadgetDialect
from tests.support.worlds.deliveries import key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.round.test_rounds_commands import steps, stored

A = key_in(0, name="gadget")


@pytest.fixture(autouse=True)
def gadget_dialect(db: None) -> Iterator[None]:
    """Somebody speaks it."""
    with factories.reopened():
        register_dialect("gadget", lambda _root: GadgetDialect())
        yield


@pytest.fixture
def worker(gadget_dialect: None) -> Worker:
    """Has heard of the gadget."""
    worker = Worker()
    worker.round()
    worker.take(worker.uplink.hello(0))
    says(worker, {"power": False})
    return worker


def says(worker: Worker, values: Any, **more: Any) -> None:
    fields = {"qos": 0, "retain": False, "dup": False, "packet_id": 0, **more}
    payload = json.dumps(values).encode()
    worker.hear(Delivery(f"gadget/{A}", A, "values", "", payload, worker.now_ms, dialect="gadget", **fields))


def command(worker: Worker, name: str, args: dict[str, Any] | None = None, *, ttl_s: int = 60) -> Command:
    one = stored(A, name=name, args=args or {}, ttl_s=ttl_s, at_ms=worker.now_ms)
    worker.commanded(one.pk)
    return one


def sent_now(worker: Worker) -> list[Publish]:
    """What goes to gateways, once it is permitted."""
    if not worker.sent:
        worker.round()
    return worker.sent


def by(one: Command) -> list[tuple[str, str]]:
    one.refresh_from_db()
    return [(step["status"], step["by"]) for step in command_json(one, A)["timeline"]]


def test_an_echo_proves_what_was_set_and_says_so(worker: Worker) -> None:
    one = command(worker, "set", {"power": True, "level": 3})
    [publish] = sent_now(worker)
    assert (publish.topic, publish.payload) == (f"gadget-do/{A}", b"set")
    worker.published(publish)
    says(worker, {"power": True}, retain=True)
    says(worker, {"power": True, "level": 1})
    assert steps(one) == ["accepted", "sent"]
    says(worker, {"level": 3})
    assert by(one) == [("accepted", "causeway"), ("sent", "broker"), ("delivered", "echo"), ("done", "echo")]
    worker.wait(WAIT_MS)
    assert worker.sent == []


def test_what_is_echoed_by_nothing_is_unconfirmed_after_its_wait(worker: Worker) -> None:
    one = command(worker, "set", {"power": True})
    worker.published(sent_now(worker)[0])
    worker.wait(WAIT_MS / 1000 - 1)
    assert steps(one) == ["accepted", "sent"]
    worker.wait(1.5)
    assert by(one)[-1] == ("unconfirmed", "causeway")
    one.refresh_from_db()
    assert one.status == "unconfirmed"


def ended_unconfirmed(worker: Worker, values: dict[str, Any]) -> Command:
    """A command that sets them, which nothing has confirmed in time."""
    one = command(worker, "set", values)
    worker.published(sent_now(worker)[0])
    worker.wait(WAIT_MS / 1000 + 1)
    assert steps(one)[-1] == "unconfirmed"
    return one


@pytest.mark.parametrize("killed", [False, True])
def test_a_late_echo_is_added_as_late_and_is_the_end(
    worker: Worker, another_worker: Callable[[], Worker], killed: bool
) -> None:
    one = ended_unconfirmed(worker, {"power": True, "level": 3})
    if killed:
        heir = another_worker()
        heir.now_ms = worker.now_ms
        heir.take(heir.uplink.hello(0))
        worker = heir
    says(worker, {"power": True, "level": 3}, retain=True)
    says(worker, {"power": False, "level": 2})
    assert steps(one)[-1] == "unconfirmed", "what was stored, and other values, show nothing"
    says(worker, {"power": True, "level": 3})
    one.refresh_from_db()
    told = [(step["status"], step["by"], step.get("late")) for step in command_json(one, A)["timeline"][-3:]]
    assert told == [("unconfirmed", "causeway", None), ("delivered", "echo", True), ("done", "echo", True)]
    assert one.status == "done"


def test_a_later_command_for_the_same_value_takes_the_echo(worker: Worker) -> None:
    first = ended_unconfirmed(worker, {"power": True})
    second = command(worker, "set", {"power": True})
    worker.published(sent_now(worker)[0])
    says(worker, {"power": True})
    assert (steps(first)[-1], steps(second)[-1]) == ("unconfirmed", "done")


def test_an_echo_after_an_hour_or_an_error_or_any_value_is_no_late_answer(worker: Worker) -> None:
    one = ended_unconfirmed(worker, {"power": True})
    asked = command(worker, "ask")
    worker.published(sent_now(worker)[0])
    worker.wait(WAIT_MS / 1000 + 1)
    says(worker, {"failed": "no route"})
    says(worker, {"level": 1})
    worker.now_ms += LATE_MS
    says(worker, {"power": True})
    assert steps(one)[-1] == steps(asked)[-1] == "unconfirmed"


def test_an_answer_by_name_counts_after_the_end_too(worker: Worker) -> None:
    one = command(worker, "call", {"id": 7}, ttl_s=3)
    worker.published(sent_now(worker)[0])
    worker.wait(4)
    assert steps(one)[-1] == "expired"
    says(worker, {"answer": "7"})
    one.refresh_from_db()
    assert (one.status, one.timeline[-1]["late"], by(one)[-1]) == ("done", True, ("done", "device"))


def test_what_was_never_sent_expires(worker: Worker) -> None:
    one = command(worker, "set", {"power": True}, ttl_s=3)
    worker.published(sent_now(worker)[0], ok=False, reason="broker link down")
    worker.wait(3.1)
    assert steps(one) == ["accepted", "expired"]
    says(worker, {"power": True})
    assert steps(one) == ["accepted", "expired"], "whoever did it, it was not this command"


def test_any_value_of_what_was_asked_for_is_the_answer(worker: Worker) -> None:
    one = command(worker, "ask")
    says(worker, {"level": 1})
    assert steps(one) == ["accepted"], "it was reported before it was asked for"
    worker.published(sent_now(worker)[0])
    says(worker, {"level": 1})
    assert steps(one)[-1] == "done"


def test_once_is_once_whoever_is_killed_when(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    one = command(worker, "press")
    assert worker.sent == [], "that it may be published is to be stored first"
    assert Command.objects.get().way["ack"] == "none"
    worker.round()
    assert [publish.payload for publish in worker.sent] == [b"press"]
    assert Command.objects.get().way["published_ms"], "and it is, before it is sent"
    heir = another_worker()  # the first one is killed right after the commit
    heir.now_ms = worker.now_ms
    heir.take(heir.uplink.hello(0))
    for _ in range(4):
        heir.wait(1)
        assert heir.sent == []
    heir.wait(2)
    assert by(one) == [("accepted", "causeway"), ("unconfirmed", "causeway")]


def test_once_is_not_sent_again_for_want_of_an_answer_nor_for_a_new_connection(worker: Worker) -> None:
    one = command(worker, "press")
    assert len(sent_now(worker)) == 1
    worker.wait(4)
    worker.uplink = type(worker.uplink)(7)
    worker.take(worker.uplink.hello(0))
    assert worker.sent == []
    worker.wait(2)
    assert (steps(one)[-1], worker.sent) == ("unconfirmed", [])


def test_once_is_tried_again_where_it_was_surely_not_published(worker: Worker) -> None:
    one = command(worker, "press")
    worker.published(sent_now(worker)[0], ok=False, reason="broker link down")
    assert not Command.objects.get().way.get("published_ms")
    worker.wait(6)
    [again] = sent_now(worker)
    worker.published(again)
    assert steps(one) == ["accepted", "sent"]
    worker.wait(WAIT_MS / 1000 + 1)
    assert steps(one)[-1] == "unconfirmed"


def test_several_publications_are_sent_when_the_broker_has_all_and_once_if_one_may_be_there(worker: Worker) -> None:
    one = command(worker, "both")
    first, second = sent_now(worker)
    assert first.token != second.token
    worker.published(first)
    assert steps(one) == ["accepted"]
    worker.published(second, ok=False, reason="broker link down")
    worker.wait(4)
    assert worker.sent == []
    worker.wait(3)
    assert steps(one)[-1] == "unconfirmed"


def test_an_answer_is_found_by_what_it_calls_the_command_and_others_answers_are_nobodys(worker: Worker) -> None:
    one = command(worker, "call", {"id": 7})
    worker.published(sent_now(worker)[0])
    says(worker, {"answer": "8"})
    assert steps(one) == ["accepted", "sent"]
    says(worker, {"answer": "7"})
    assert by(one)[-1] == ("done", "device")
    one.refresh_from_db()
    assert one.result == {"so": 1}


def test_an_error_that_names_no_command_is_that_of_the_only_one_that_waits(worker: Worker) -> None:
    first = command(worker, "set", {"power": True})
    worker.published(sent_now(worker)[0])
    second = command(worker, "set", {"level": 9})
    worker.published(sent_now(worker)[0])
    says(worker, {"failed": "no route"})
    assert steps(first)[-1] == steps(second)[-1] == "sent"
    says(worker, {"echo": {"power": True}})
    says(worker, {"failed": "no route"})
    second.refresh_from_db()
    assert (steps(first)[-1], second.status, second.reason) == ("done", "failed", "no route")


@pytest.mark.parametrize(
    ("name", "args", "reason"),
    [
        ("explode", {}, "unknown_command: explode"),
        ("steal", {"topic": "devices/demo/lamp/telemetry"}, "foreign_topic: devices/demo/lamp/telemetry: native_topic"),
        ("steal", {"topic": "$SYS/x"}, "foreign_topic: $SYS/x: system_topic"),
        ("steal", {"topic": "a/#"}, "foreign_topic: a/#: no_topic_name"),
    ],
)
def test_what_its_device_cant_be_given_is_rejected_at_once(
    worker: Worker, name: str, args: dict[str, Any], reason: str
) -> None:
    one = command(worker, name, args)
    assert by(one) == [("accepted", "causeway"), ("rejected", "causeway")]
    one.refresh_from_db()
    assert (one.reason, worker.sent) == (reason, [])


def test_who_speaks_for_it_has_lost_sight_of_it(worker: Worker) -> None:
    says(worker, {"doubted": "the bridge is gone"})
    presence = twin_of(A).presence
    assert (presence.status, presence.why) == ("unknown", "doubted")
    says(worker, {"power": True})
    assert twin_of(A).presence.status == "online"


def told(worker: Worker) -> list[bytes]:
    return [one.payload for one in worker.sent]


def test_what_is_desired_is_told_while_it_lacks_at_most_once_a_minute(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.ask(A, "desired", patch={"power": True, "led": {"level": 3}}, if_version=None)
    assert told(worker) == [b"set"]
    says(worker, {"led.level": 3})
    worker.wait(30)
    assert worker.sent == []
    worker.wait(31)
    assert told(worker) == [b"set"]
    says(worker, {"power": True})
    worker.wait(61)
    assert worker.sent == []
    says(worker, {"power": False})
    worker.wait(61)
    assert told(worker) == [b"set"]
    heir = another_worker()
    heir.now_ms = worker.now_ms
    heir.take(heir.uplink.hello(0))
    assert [one.payload for round_ in heir.results for _, one in round_.downlinks] == [b"set"]


def test_nothing_is_told_to_who_is_not_there(worker: Worker) -> None:
    says(worker, {"doubted": "gone"})
    worker.ask(A, "desired", patch={"power": True}, if_version=None)
    worker.wait(61)
    assert worker.sent == []
    says(worker, {"power": False})
    worker.wait(61)
    assert told(worker) == [b"set"]
