"""Commands: outbox, steps, acknowledgements, expiry."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from bridge.messages import CommandStored, NewCommand, Publish
from bridge.names import gateway_channel
from devices.models import Command, Device, LedgerCount, Quarantined
from devices.requests.registry import register_device
from devices.rules.commands import begun
from devices.worker.commands import known_commands
from tests.support.worlds import downlinks
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.downlinks import answer, command_id, is_command
from tests.support.worlds.ingest_worker import Worker
from tests.unit.devices.worker.conftest import GatewayLink

A, B, ELSEWHERE = key_in(0), key_in(0, nth=1), key_in(1)


def stored(key: str = A, *, ttl_s: int = 60, at_ms: int = NOW_MS, **fields: Any) -> Command:
    """A command as the web stores it."""
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    return Command.objects.create(
        device=register_device(key),
        timeline=list(begun(at_ms).timeline),
        created_at=now,
        expires_at=now + timedelta(seconds=ttl_s),
        **{"name": "set_led", "args": {"on": True}, **fields},
    )


def steps(command: Command) -> list[str]:
    command.refresh_from_db()
    return [step["status"] for step in command.timeline]


def publish(command: Command) -> Publish:
    expires_ms = round(command.expires_at.timestamp() * 1000)
    return downlinks.command(0, command.device.key, str(command.pk), "set_led", b'{"on":true}', expires_ms)


def ack(command: Command, status: str, key: str = A, *, at_ms: int = NOW_MS, late: bool = False, **more: Any) -> Any:
    return delivery(key, f"ack/{command.pk}", {"status": status, **more}, at_ms=at_ms, late=late)


def late_steps(command: Command) -> list[str]:
    command.refresh_from_db()
    return [step["status"] for step in command.timeline if step.get("late")]


def test_a_stored_command_is_told_and_sent_at_once(worker: Worker) -> None:
    worker.take(worker.uplink.hello(0))
    command = stored()
    worker.commanded(command.pk)
    assert worker.last.downlinks == [(gateway_channel(GATEWAY), publish(command))]
    (seen,) = worker.seen
    assert (seen["id"], seen["device"], seen["status"]) == (str(command.pk), A, "accepted")


def test_the_whole_way_of_a_command(worker: Worker) -> None:
    command = stored()
    worker.commanded(command.pk)
    worker.published(publish(command))
    assert [one["status"] for one in worker.seen] == ["sent"]
    worker.hear(ack(command, "accepted"))
    assert [one["status"] for one in worker.seen if "status" in one] == ["delivered"]
    worker.hear(ack(command, "done", result={"was": False}))
    assert steps(command) == ["accepted", "sent", "delivered", "done"]
    assert (command.status, command.result) == ("done", {"was": False})
    assert worker.wait(1000).downlinks == []
    assert worker.last.next_ms is None


def test_a_new_command_is_sent_without_a_transaction_and_told_with_its_answer(worker: Worker) -> None:
    command = nudged_later(worker)
    with CaptureQueriesContext(connection) as asked:
        worker.round(commands=(nudge(command),))
    assert [one["sql"] for one in asked.captured_queries if not one["sql"].startswith("SELECT")] == []
    assert worker.last.downlinks == [(gateway_channel(GATEWAY), publish(command))]
    assert (worker.last.commits, worker.last.next_ms) == ([], worker.now_ms + 100)
    worker.round(
        batches=(worker.uplink.batch(ack(command, "done")),), published=(answer(publish(command), at_ms=NOW_MS),)
    )
    assert [one["status"] for one in worker.seen if "status" in one] == ["accepted", "sent", "done"]
    assert steps(command) == ["accepted", "sent", "delivered", "done"]
    assert (command.device.key, command.args, command.reason) == (A, {"on": True}, "")
    assert worker.wait(1).commits == []


def test_a_new_command_without_an_answer_is_told_a_little_later(worker: Worker) -> None:
    command = nudged_later(worker)
    worker.round(commands=(nudge(command),))
    worker.hear(delivery(A, "telemetry", {"t": 2}))
    assert not [one for one in worker.seen if "status" in one], "readings only"
    worker.wait(0.099)
    assert worker.last.commits == []
    worker.wait(0.001)
    assert [one["status"] for one in worker.seen] == ["accepted"]
    command.refresh_from_db()
    assert command.commit == worker.last.commits[0].commit
    assert worker.last.next_ms == worker.now_ms - 100 + 5_000


def test_a_round_that_fails_forgets_no_new_command(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    command = nudged_later(worker)
    worker.round(commands=(nudge(command),))
    batch = worker.uplink.batch(ack(command, "accepted"))
    with monkeypatch.context() as failing:
        failing.setattr("devices.worker.round.transaction.pass_fence", _fails)
        with pytest.raises(OperationalError):
            worker.take(batch)
    assert steps(command) == ["accepted"]
    worker.take(batch)
    assert [one["status"] for one in worker.seen if "status" in one] == ["accepted", "delivered"]
    assert steps(command) == ["accepted", "sent", "delivered"]


def test_the_steps_of_a_known_command_are_not_read_again(worker: Worker) -> None:
    command = nudged_later(worker)
    worker.round(commands=(nudge(command),))
    hex_id = command.pk.hex
    for status in ("accepted", "done"):
        with CaptureQueriesContext(connection) as asked:
            worker.hear(ack(command, status))
        read = [one["sql"] for one in asked.captured_queries if one["sql"].startswith("SELECT")]
        assert not [sql for sql in read if hex_id in sql]
    assert steps(command) == ["accepted", "sent", "delivered", "done"]
    worker.hear(ack(command, "failed"))
    assert steps(command)[-1] == "done"


@pytest.mark.parametrize("end", ["done", "cancelled", "delivered"])
def test_a_nudge_that_comes_late_begins_nothing_anew(worker: Worker, end: str) -> None:
    args = {"on": "x" * 20_000} if end == "delivered" else {"on": True}  # too large to be kept
    command = nudged_later(worker, args=args)
    worker.commanded(command.pk)  # found without it
    _bring_to(worker, command, end)
    before = steps(command)
    worker.round(commands=(nudge(command),))
    assert (worker.sent, worker.wait(1).downlinks, steps(command)) == ([], [], before)


@pytest.mark.parametrize("forgotten", ["by a takeover", "by a failure", "by its number"])
def test_a_nudge_for_what_was_over_before_is_read(
    worker: Worker, another_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    monkeypatch.setattr(known_commands, "MOST", 2)
    command, later = nudged_later(worker), worker
    worker.round(commands=(nudge(command),))
    _bring_to(worker, command, "done")
    if forgotten == "by a takeover":
        later = another_worker()
        later.now_ms = worker.now_ms
        later.round()
    elif forgotten == "by a failure":
        with monkeypatch.context() as failing:
            failing.setattr("devices.worker.round.transaction.pass_fence", _fails)
            with pytest.raises(OperationalError):
                worker.hear(delivery(A, "telemetry", {"t": 2}))
    else:
        for _ in range(3):
            other = stored(at_ms=worker.now_ms)
            worker.round(commands=(nudge(other),))
            _bring_to(worker, other, "done")
    before = steps(command)
    later.round(commands=(nudge(command),))
    assert (later.sent, later.wait(1).downlinks, steps(command)) == ([], [], before)


def _bring_to(worker: Worker, command: Command, end: str) -> None:
    if end == "cancelled":
        worker.ask(A, "cancel", command_id=str(command.pk))
    else:
        worker.hear(ack(command, {"delivered": "accepted"}.get(end, end), at_ms=worker.now_ms))
    assert steps(command)[-1] == end


@pytest.mark.parametrize("key", [ELSEWHERE, "demo/unknown"])
def test_a_nudge_that_describes_anothers_command_is_read(worker: Worker, key: str) -> None:
    command = stored()
    wrong = CommandStored(0, str(command.pk), NewCommand(key, "other", b"{}", 0, 1))
    worker.round(commands=(wrong,))
    assert worker.sent == [publish(command)]


def nudged_later(worker: Worker, **fields: Any) -> Command:
    """A command that is made when the worker has heard of another one, some time ago."""
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.round(commands=(CommandStored(0, str(uuid4()), NewCommand(A, "other", b"{}", 0, 1)),))
    worker.wait(2)
    return stored(at_ms=worker.now_ms, **fields)


def nudge(command: Command) -> CommandStored:
    """As the web sends it for a command that it has just stored."""
    times = [round(moment.timestamp() * 1_000_000) for moment in (command.created_at, command.expires_at)]
    made_us, ends_us = times
    new = NewCommand(command.device.key, command.name, b'{"on":true}', made_us, ends_us)
    return CommandStored(0, str(command.pk), new)


def _fails(*_: Any, **__: Any) -> None:
    raise OperationalError("gone")


def test_a_direct_answer_implies_what_came_before(worker: Worker) -> None:
    command = stored()
    worker.commanded(command.pk)
    worker.hear(ack(command, "rejected", reason="too hot"))
    assert steps(command) == ["accepted", "sent", "delivered", "rejected"]
    assert command.reason == "too hot"
    worker.published(publish(command))
    assert worker.last.commits == []


def test_a_repeated_answer_changes_nothing(worker: Worker) -> None:
    command = stored()
    worker.hear(ack(command, "done"), ack(command, "done"), ack(command, "failed"))
    assert steps(command) == ["accepted", "sent", "delivered", "done"]
    assert LedgerCount.objects.get(outcome="applied").count == 3


def test_it_is_sent_again_until_the_broker_confirms_it(worker: Worker) -> None:
    command = stored(ttl_s=1000)
    worker.commanded(command.pk)
    for seconds in (5, 10, 20, 40, 60, 60):
        assert worker.last.next_ms == worker.now_ms + 1000 * seconds
        assert worker.wait(seconds - 1).downlinks == []
        assert worker.wait(1).downlinks
    worker.published(publish(command))
    for _ in range(8):
        assert worker.wait(60).downlinks == []


def test_case_e5_a_takeover_and_a_reconnect_repeat_nothing_that_the_broker_has(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.take(Uplink(epoch=1, session=1).hello(0))
    command = stored()
    worker.commanded(command.pk)
    worker.published(publish(command))
    other = another_worker()
    assert other.round().downlinks == []
    other.take(Uplink(epoch=2, session=1).hello(0))
    assert other.sent == []
    other.uplink = Uplink(epoch=3, session=3)
    other.take(other.uplink.hello(0))
    assert other.sent == [publish(command)], "a new session: the broker has lost its memory"
    other.published(publish(command))
    other.hear(delivery(A, "status", b"online"))
    assert other.sent == [publish(command)]


def test_case_e5_a_session_that_began_while_no_worker_listened_is_noticed(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.take(Uplink(epoch=1, session=1).hello(0))
    command = stored()
    worker.commanded(command.pk)
    worker.published(publish(command))
    other = another_worker()
    other.take(Uplink(epoch=4, session=3).hello(0))
    assert other.sent == [publish(command)]


def test_a_device_that_comes_online_gets_it_at_once(worker: Worker) -> None:
    worker.take(worker.uplink.hello(0))
    command = stored()
    worker.commanded(command.pk)
    worker.now_ms += 1000
    worker.hear(delivery(A, "status", b"offline"))
    assert worker.sent == []
    worker.hear(delivery(A, "status", b"online"))
    assert worker.sent == [publish(command)]
    worker.now_ms += 1000
    worker.hear(delivery(A, "status", b"online"))
    assert worker.sent == [publish(command)], "a birth says that it has just connected"
    worker.now_ms += 1000
    worker.hear(delivery(A, "status", b"online", retain=True), delivery(A, "telemetry", {"t": 1}))
    assert worker.sent == []


def test_a_new_connection_of_the_gateway_gets_it_at_once(worker: Worker) -> None:
    worker.take(worker.uplink.hello(0))
    command = stored()
    worker.commanded(command.pk)
    worker.take(worker.uplink.hello(0))
    assert worker.sent == []
    worker.take(Uplink(epoch=2).hello(0))
    assert worker.sent == [publish(command)]


def test_as_long_as_no_gateway_has_a_row_it_goes_to_the_only_one_that_ever_spoke(
    worker: Worker, another_worker: Callable[[], Worker], gateways: dict[str, GatewayLink]
) -> None:
    gateways.clear()
    worker.commanded(stored().pk)
    assert {channel for channel, _ in worker.last.downlinks} == {gateway_channel("gateway")}, "by default"
    worker.take(Uplink(gateway="other").hello(0))
    worker.commanded(stored().pk)
    assert {channel for channel, _ in worker.last.downlinks} == {gateway_channel("other")}
    other = another_worker()
    assert {channel for channel, _ in other.round().downlinks} == {gateway_channel("other")}


def test_a_refusal_of_the_gateway_is_no_step(worker: Worker) -> None:
    command = stored()
    worker.commanded(command.pk)
    worker.published(publish(command), ok=False, reason="broker link down")
    assert steps(command) == ["accepted"]
    assert worker.wait(5).downlinks


@pytest.mark.parametrize("confirmed", [False, True])
def test_its_time_ends(worker: Worker, confirmed: bool) -> None:
    command = stored(ttl_s=7)
    worker.commanded(command.pk)
    if confirmed:
        worker.published(publish(command))
    worker.wait(6.9)
    worker.wait(0.1)
    assert steps(command)[-1] == "expired"
    assert [one["status"] for one in worker.seen] == ["expired"]
    assert worker.wait(100).downlinks == []


def test_an_answer_in_the_same_round_is_in_time(worker: Worker) -> None:
    command = stored(ttl_s=7)
    worker.commanded(command.pk)
    worker.now_ms += 7_000
    worker.hear(ack(command, "done"))
    assert steps(command) == ["accepted", "sent", "delivered", "done"]


def test_a_delivered_command_does_not_expire(worker: Worker) -> None:
    command = stored(ttl_s=7)
    worker.commanded(command.pk)
    worker.hear(ack(command, "accepted"))
    worker.wait(8)
    assert steps(command)[-1] == "delivered"


def test_a_late_answer_makes_it_true_again(worker: Worker) -> None:
    command = stored(ttl_s=7)
    worker.commanded(command.pk)
    worker.wait(8)
    worker.hear(ack(command, "done", at_ms=worker.now_ms))
    assert steps(command) == ["accepted", "expired", "sent", "delivered", "done"]
    assert command.timeline[-1]["late"] is True


def test_case_e3_a_command_that_the_broker_will_not_take_has_failed_with_the_limit(worker: Worker) -> None:
    command = stored()
    worker.commanded(command.pk)
    reason = "too large for the broker: a packet of 30085 bytes, its Maximum Packet Size is 20000"
    worker.round(published=(answer(publish(command), ok=False, never=True, reason=reason, at_ms=NOW_MS + 5),))
    assert steps(command) == ["accepted", "failed"]
    assert (command.reason, command.timeline[-1]["reason"]) == (reason, reason)
    assert [one["status"] for one in worker.seen] == ["failed"]
    for _ in range(3):
        assert worker.wait(60).downlinks == []


def test_case_e3_a_desired_document_that_the_broker_will_not_take_waits_until_it_is_another(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.ask(A, "desired", patch={"text": "x" * 50})
    (large,) = worker.sent
    worker.round(published=(answer(large, ok=False, never=True, reason="too large", at_ms=NOW_MS),))
    for _ in range(3):
        assert worker.wait(60).downlinks == []
    worker.ask(A, "desired", patch={"text": "y"})
    assert len(worker.sent) == 1


def test_case_d5_an_answer_that_came_in_time_is_done_however_late_the_worker_is(
    worker: Worker, another_worker: Callable[[], Worker], gateways: dict[str, GatewayLink]
) -> None:
    command = stored(ttl_s=3)
    worker.commanded(command.pk)
    worker.published(publish(command))
    gateways[GATEWAY].drained_ms = NOW_MS + 1_000
    other = another_worker()  # the first one was away
    other.now_ms += 5_000
    other.round()
    assert (steps(command)[-1], other.last.next_ms) == ("sent", other.now_ms + 500)
    other.hear(ack(command, "done", at_ms=NOW_MS + 2_000))
    assert steps(command) == ["accepted", "sent", "delivered", "done"]
    assert late_steps(command) == []


def test_case_d5_without_an_answer_it_expires_once_all_is_applied(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    command = stored(ttl_s=3)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.commanded(command.pk)
    worker.published(publish(command))
    gateways[GATEWAY] = GatewayLink(GATEWAY, broker_up=False, drained_ms=NOW_MS + 2_999)
    for _ in range(4):
        worker.wait(10)
        assert steps(command)[-1] == "sent"
        assert worker.sent == []
    gateways[GATEWAY] = GatewayLink(GATEWAY, drained_ms=NOW_MS + 3_000)
    worker.wait(0.5)
    assert steps(command)[-1] == "expired"
    assert command.timeline[-1]["at_ms"] == NOW_MS + 3_000


def test_case_d5_what_no_broker_has_confirmed_expires_without_its_gateway(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    command = stored(ttl_s=20)
    worker.commanded(command.pk)
    gateways[GATEWAY] = GatewayLink(GATEWAY, broker_up=False, drained_ms=NOW_MS)
    worker.wait(10)
    worker.wait(10)
    assert steps(command) == ["accepted", "expired"]


def test_case_d5_an_answer_that_the_broker_kept_is_in_time_while_the_command_waits(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    command = stored(ttl_s=3)
    worker.commanded(command.pk)
    worker.published(publish(command))
    gateways[GATEWAY].drained_ms = NOW_MS
    worker.wait(10)
    worker.hear(ack(command, "done", at_ms=worker.now_ms, late=True))
    assert (steps(command)[-1], late_steps(command)) == ("done", [])


def test_case_d6_all_steps_after_expiry_are_late(worker: Worker) -> None:
    command = stored(ttl_s=3)
    worker.commanded(command.pk)
    worker.published(publish(command))
    worker.wait(4)
    worker.hear(ack(command, "accepted", at_ms=worker.now_ms))
    worker.hear(ack(command, "done", at_ms=worker.now_ms))
    assert steps(command) == ["accepted", "sent", "expired", "delivered", "done"]
    assert late_steps(command) == ["delivered", "done"]


@pytest.mark.parametrize("text", [str(uuid4()), "42", "not-a-uuid"])
def test_an_answer_to_no_command_is_quarantined(worker: Worker, text: str) -> None:
    worker.hear(delivery(A, f"ack/{text}", {"status": "done"}))
    row = Quarantined.objects.get()
    assert (row.reason, row.detail) == ("unknown_command", text)


def test_an_answer_to_another_devices_command_is_quarantined(worker: Worker) -> None:
    command = stored(B)
    worker.hear(ack(command, "done", key=A))
    assert Quarantined.objects.get().reason == "unknown_command"
    assert steps(command) == ["accepted"]


def test_an_answer_retained_by_the_broker_is_no_news(worker: Worker) -> None:
    command = stored()
    worker.hear(delivery(A, f"ack/{command.pk}", {"status": "done"}, retain=True))
    assert steps(command) == ["accepted"]


def test_a_command_whose_nudge_was_lost_is_found(worker: Worker) -> None:
    command = stored()
    assert worker.wait(1).downlinks == [(gateway_channel(GATEWAY), publish(command))]
    assert [one["status"] for one in worker.seen] == ["accepted"]
    worker.commanded(command.pk)
    assert worker.last.commits == []
    assert worker.sent == []


def test_open_commands_are_known_after_a_takeover(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    waiting, confirmed, done, expired = stored(), stored(status="sent"), stored(status="done"), stored(ttl_s=1)
    other = another_worker()
    other.now_ms += 1_000
    other.round()
    waits = {command_id(sent) for sent in other.sent if is_command(sent)}
    assert waits == {str(waiting.pk)}, "the other is with the broker"
    other.uplink = Uplink(epoch=9)
    other.hear(delivery(A, "status", b"online"))
    assert {command_id(sent) for sent in other.sent if is_command(sent)} == {str(waiting.pk), str(confirmed.pk)}
    assert steps(done) == ["accepted"]
    assert steps(expired) == ["accepted", "expired"]


def test_a_nudge_for_nothing_does_nothing(worker: Worker) -> None:
    worker.commanded(uuid4(), "rubbish")
    assert worker.last.commits == []
    assert worker.last.downlinks == []


def test_commands_of_shards_that_others_own_are_theirs(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    one = another_worker()
    one.shards = frozenset({0})
    one.round()
    command = stored(ELSEWHERE)
    one.commanded(command.pk)
    one.round(published=(answer(publish(command), at_ms=NOW_MS),))
    one.wait(100)
    assert steps(command) == ["accepted"]
    assert all(not result.downlinks for result in one.results)


def test_many_commands_go_out_in_portions(worker: Worker) -> None:
    Device.objects.all().delete()
    commands = [stored(key_in(0, nth=number % 7)) for number in range(120)]
    worker.commanded(*(command.pk for command in commands))
    sent = [one for one in worker.sent if is_command(one)]
    while len(sent) < len(commands):
        for one in list(worker.sent):
            worker.published(one)
            sent += [more for more in worker.sent if is_command(more)]
    assert [command_id(one) for one in sent[:120]] == [str(command.pk) for command in commands]
    assert set(Command.objects.values_list("status", flat=True)) <= {"accepted", "sent"}


# ---- taking back


def test_a_command_that_waits_can_be_taken_back(worker: Worker) -> None:
    command = stored()
    worker.commanded(command.pk)
    assert worker.ask(A, "cancel", command_id=str(command.pk)) == {}
    assert [one["status"] for one in worker.seen] == ["cancelled"]
    assert worker.wait(5).downlinks == []
    assert worker.ask(A, "cancel", command_id=str(command.pk))["error"] == "conflict"


def test_what_is_over_can_not_be_taken_back(worker: Worker) -> None:
    command = stored()
    worker.hear(ack(command, "done"))
    result = worker.ask(A, "cancel", command_id=str(command.pk))
    assert result == {"error": "conflict", "message": "the command is done already"}


@pytest.mark.parametrize("body", [{}, {"command_id": None}, {"command_id": str(uuid4())}, {"command_id": "x" * 300}])
def test_only_a_command_can_be_taken_back(worker: Worker, body: dict[str, Any]) -> None:
    assert worker.ask(A, "cancel", **body)["error"] == "not_found"


def test_another_devices_command_can_not_be_taken_back(worker: Worker) -> None:
    command = stored(B)
    assert worker.ask(A, "cancel", command_id=str(command.pk))["error"] == "not_found"
