import pytest

from bridge.messages import Batch, CommandStored, Published, RequestStored
from devices.worker.effects.work import Round
from devices.worker.round.intake import MAX_BATCHES, MAX_NUDGES, MAX_PUBLISHED, ROUND_BYTES, ROUND_DELIVERIES, Intake
from tests.support.worlds.deliveries import delivery

ONE = delivery("demo/a", "telemetry", {"t": 1})


def batch(seq: int, *, epoch: int = 1, shard: int = 0, gateway: str = "g", deliveries: int = 1) -> Batch:
    return Batch(shard, gateway, epoch, seq, "reply", (ONE,) * deliveries)


def taken(intake: Intake) -> Round:
    round_ = intake.take(5)
    intake.done()
    return round_


def seqs(round_: Round) -> list[tuple[int, int]]:
    return [(one.epoch, one.seq) for one in round_.batches]


def test_hands_out_all_that_waits_in_order() -> None:
    intake = Intake()
    nudges = CommandStored(0, "c"), RequestStored(0, 7, "reply")
    published = Published(0, "demo/a", b"d", "gw", True, "", 1)
    for message in (batch(1), *nudges, published, batch(2, shard=1)):
        assert intake.offer(message)
    round_ = intake.take(5)
    assert round_ == Round((batch(1), batch(2, shard=1)), nudges[:1], nudges[1:], (published,), 5)
    assert not intake


def test_a_repeat_is_dropped_while_the_first_waits_or_is_in_hand() -> None:
    intake = Intake()
    assert intake.offer(batch(1))
    assert not intake.offer(batch(1))
    intake.take(None)
    assert not intake.offer(batch(1))
    intake.done()
    assert intake.offer(batch(1)), "its acknowledgement may have been lost"


def test_a_round_that_failed_comes_again_before_what_came_later() -> None:
    intake = Intake()
    intake.offer(batch(1))
    intake.offer(RequestStored(0, 7, "reply"))
    intake.take(None)
    intake.offer(batch(2))
    intake.give_back()
    round_ = taken(intake)
    assert seqs(round_) == [(1, 1), (1, 2)]
    assert round_.requests == (RequestStored(0, 7, "reply"),)


def test_a_newer_connection_drops_what_waits_of_the_former() -> None:
    intake = Intake()
    for one in (batch(3), batch(1, gateway="other"), batch(1, shard=1), batch(1, epoch=2)):
        intake.offer(one)
    assert not intake.offer(batch(4)), "late"
    assert [(one.gateway, one.shard, one.epoch) for one in taken(intake).batches] == [
        ("other", 0, 1),
        ("g", 1, 1),
        ("g", 0, 2),
    ]


def test_a_shard_has_room_for_so_many_batches() -> None:
    intake = Intake()
    assert [intake.offer(batch(seq)) for seq in range(1, MAX_BATCHES + 2)] == [True] * MAX_BATCHES + [False]
    assert intake.offer(batch(1, shard=1))
    taken(intake)
    assert intake.offer(batch(MAX_BATCHES + 1))


def test_room_comes_back_after_a_failure_too() -> None:
    intake = Intake()
    for seq in range(1, MAX_BATCHES + 1):
        intake.offer(batch(seq))
    for _ in range(3):
        intake.take(None)
        intake.give_back()
    assert len(taken(intake).batches) == MAX_BATCHES
    assert intake.offer(batch(99))


def test_notes_are_bounded() -> None:
    intake = Intake()
    for number in range(MAX_NUDGES + 5):
        intake.offer(CommandStored(0, str(number)))
        intake.offer(RequestStored(0, number, ""))
    for _ in range(MAX_PUBLISHED + 5):
        intake.offer(Published(0, "demo/a", b"d", "gw", True, "", 1))
    round_ = taken(intake)
    assert (len(round_.commands), len(round_.requests), len(round_.published)) == (
        MAX_NUDGES,
        MAX_NUDGES,
        MAX_PUBLISHED,
    )


def test_a_round_is_no_longer_than_acknowledgements_may_wait() -> None:
    intake = Intake()
    for seq in range(1, 6):
        intake.offer(batch(seq, deliveries=ROUND_DELIVERIES // 2))
    assert seqs(taken(intake)) == [(1, 1), (1, 2)]
    assert intake
    assert seqs(taken(intake)) == [(1, 3), (1, 4)]
    assert seqs(taken(intake)) == [(1, 5)]


def test_case_h6_what_is_large_waits_for_another_round_and_keeps_nobody_waiting() -> None:
    intake = Intake()
    large = (delivery("demo/a", "telemetry", b"x" * (ROUND_BYTES // 2 + 1)),)
    intake.offer(Batch(0, "g", 1, 1, "reply", large))
    intake.offer(Batch(1, "g", 1, 1, "reply", large))
    intake.offer(batch(2))
    intake.offer(batch(2, shard=1))
    intake.offer(batch(1, shard=2))
    shards = [(one.shard, one.seq) for one in taken(intake).batches]
    assert shards == [(0, 1), (0, 2), (2, 1)]
    assert [(one.shard, one.seq) for one in taken(intake).batches] == [(1, 1), (1, 2)]


def test_a_batch_that_is_larger_than_a_round_has_one_of_its_own() -> None:
    intake = Intake()
    large = (delivery("demo/a", "telemetry", b"x" * (ROUND_BYTES + 1)),)
    for seq in (1, 2):
        intake.offer(Batch(0, "g", 1, seq, "reply", large))
    assert seqs(taken(intake)) == [(1, 1)]
    assert seqs(taken(intake)) == [(1, 2)]


@pytest.mark.parametrize("gateway", ["", "x" * 65])
def test_a_gateway_that_no_cursor_can_name_is_not_heard(gateway: str) -> None:
    assert not Intake().offer(batch(1, gateway=gateway))


def test_what_waits_for_other_shards_is_dropped() -> None:
    intake = Intake()
    for message in (
        batch(1),
        batch(1, shard=1),
        CommandStored(0, "a"),
        CommandStored(1, "b"),
        RequestStored(0, 7, "r"),
    ):
        assert intake.offer(message)
    intake.offer(Published(0, "demo/a", b"d", "gw", True, "", 1))
    intake.drop_all_but({1})
    round_ = taken(intake)
    assert (round_.batches, round_.commands) == ((batch(1, shard=1),), (CommandStored(1, "b"),))
    assert (round_.requests, round_.published) == ((), ())
    assert all(intake.offer(batch(seq)) for seq in range(1, MAX_BATCHES + 1)), "there is room again"


def is_urgent(intake: Intake) -> bool:
    return intake.is_urgent


def confirmed(*, ok: bool = True) -> Published:
    return Published(0, "demo/a", b"d", "gw", ok, "" if ok else "broker link down", 1)


def test_what_the_broker_has_confirmed_waits_for_what_makes_a_transaction() -> None:
    intake = Intake()
    intake.offer(confirmed())
    assert not is_urgent(intake)
    intake.offer(CommandStored(0, "c"))
    assert is_urgent(intake)
    round_ = intake.take(5, patient=True)
    assert (round_.commands, round_.published) == ((CommandStored(0, "c"),), ())
    intake.done()
    assert intake
    intake.offer(batch(1))
    assert intake.take(5, patient=True).published == (confirmed(),)
    intake.give_back()
    assert intake.take(5).published == (confirmed(),)


def test_what_could_not_be_published_waits_for_nothing() -> None:
    intake = Intake()
    intake.offer(confirmed())
    intake.offer(confirmed(ok=False))
    assert is_urgent(intake)
    assert intake.take(5, patient=True).published == (confirmed(), confirmed(ok=False))
    intake.done()
    assert not is_urgent(intake)
    intake.offer(confirmed(ok=False))
    intake.drop_all_but({1})
    assert not is_urgent(intake)
