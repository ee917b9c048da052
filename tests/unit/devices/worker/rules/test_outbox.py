from uuid import UUID, uuid4

import pytest

from devices.worker.rules.outbox import UNDER_WAY_LIMIT, CommandItem, DesiredItem, Due, Outbox, retry_delay_ms

DEVICE = "demo/a"
FAR_MS = 10**9


def sent_at(outbox: Outbox, until_ms: int) -> list[int]:
    """When something is sent up to ``until_ms``; nobody answers."""
    times = []
    while (next_ms := outbox.next_ms()) is not None and next_ms <= until_ms:
        due = outbox.due(next_ms)
        assert due or outbox.expired(next_ms), "it asked to be looked at for nothing"
        times += [next_ms] * len(due)
    return times


def opened(outbox: Outbox, number: int = 1, device: str = DEVICE, expires_ms: int = FAR_MS) -> list[UUID]:
    ids = [uuid4() for _ in range(number)]
    for pk in ids:
        outbox.open(pk, device, expires_ms, now_ms=0)
    return ids


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (99, 60)])
def test_waits_ever_longer_up_to_a_minute(attempts: int, seconds: int) -> None:
    assert retry_delay_ms(attempts) == seconds * 1000


def test_a_command_is_sent_at_once_and_again_with_backoff() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    assert outbox.due(0) == [Due(CommandItem(pk), DEVICE)]
    assert outbox.due(4_999) == []
    assert sent_at(outbox, 200_000) == [5_000, 15_000, 35_000, 75_000, 135_000, 195_000]


def test_a_confirmed_command_is_sent_until_its_device_answers() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    outbox.due(0)
    outbox.answered(CommandItem(pk), 10, ok=True)
    assert sent_at(outbox, 5_000) == [5_000]
    outbox.close(pk)
    assert outbox.next_ms() is None
    assert len(outbox) == 0


def test_a_known_command_is_not_opened_again() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    outbox.due(0)
    outbox.open(pk, DEVICE, FAR_MS, 1)
    assert outbox.due(1) == []


def test_a_command_expires_once_and_is_not_sent_any_more() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox, expires_ms=7_000)
    outbox.due(0)
    assert outbox.expired(6_999) == []
    assert outbox.expired(7_000) == [pk]
    assert outbox.expired(7_000) == []
    assert outbox.due(FAR_MS) == []


def test_a_closed_command_does_not_expire() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox, expires_ms=7_000)
    outbox.close(pk)
    assert outbox.expired(8_000) == []


def test_a_device_that_comes_online_gets_all_its_commands_and_no_others() -> None:
    outbox = Outbox()
    mine, other = opened(outbox, 2), opened(outbox, 1, device="demo/b")
    assert len(outbox.due(0)) == 3
    outbox.device_online(DEVICE, 1_000)
    outbox.device_online("demo/nobody", 1_000)
    assert {due.item for due in outbox.due(1_000)} == {CommandItem(pk) for pk in mine}
    assert {due.item for due in outbox.due(5_000)} == {CommandItem(pk) for pk in other}
    assert {due.item for due in outbox.due(6_000)} == {CommandItem(pk) for pk in mine}, "its backoff began anew"


def test_a_new_connection_makes_all_due() -> None:
    outbox = Outbox()
    opened(outbox, 3)
    outbox.want("demo/b", b"{}", 0)
    assert len(outbox.due(0)) == 4
    outbox.gateway_changed(1_000)
    assert len(outbox.due(1_000)) == 4


def test_only_so_many_are_under_way() -> None:
    outbox = Outbox()
    ids = opened(outbox, UNDER_WAY_LIMIT + 10)
    first = outbox.due(0)
    assert [due.item for due in first] == [CommandItem(pk) for pk in ids[:UNDER_WAY_LIMIT]]
    assert outbox.due(1) == []
    for due in first[:3]:
        outbox.answered(due.item, 2, ok=True)
    assert [due.item for due in outbox.due(2)] == [CommandItem(pk) for pk in ids[UNDER_WAY_LIMIT:][:3]]


def test_those_that_nobody_answers_make_room_in_time() -> None:
    outbox = Outbox()
    ids = opened(outbox, UNDER_WAY_LIMIT + 10)
    outbox.due(0)
    next_ms = outbox.next_ms()
    assert next_ms == 5_000
    later = [due.item for due in outbox.due(next_ms)]
    assert later[:10] == [CommandItem(pk) for pk in ids[UNDER_WAY_LIMIT:]], "who has waited longest comes first"
    assert len(later) == UNDER_WAY_LIMIT


def test_a_refusal_holds_all_for_a_second() -> None:
    outbox = Outbox()
    first, _ = opened(outbox, 2)
    outbox.answered(CommandItem(first), 0, ok=False)
    assert outbox.due(999) == []
    assert outbox.next_ms() == 1_000
    assert len(outbox.due(1_000)) == 2


def test_a_desired_payload_is_repeated_until_it_is_settled() -> None:
    outbox = Outbox()
    outbox.want(DEVICE, b"1", 0)
    assert outbox.due(0) == [Due(DesiredItem(DEVICE), DEVICE, b"1")]
    outbox.want(DEVICE, b"1", 1_000)
    assert outbox.due(1_000) == [], "it is the same: its backoff goes on"
    assert outbox.due(5_000) == [Due(DesiredItem(DEVICE), DEVICE, b"1")]
    outbox.settled(DEVICE)
    assert outbox.next_ms() is None


def test_a_new_desired_payload_is_sent_at_once() -> None:
    outbox = Outbox()
    outbox.want(DEVICE, b"1", 0)
    outbox.due(0)
    outbox.want(DEVICE, b"2", 10)
    assert outbox.unconfirmed(DEVICE) == b"2"
    assert outbox.due(10) == [Due(DesiredItem(DEVICE), DEVICE, b"2")]


def test_nothing_waits_for_a_deleted_device() -> None:
    outbox = Outbox()
    opened(outbox, 2)
    outbox.want(DEVICE, b"1", 0)
    outbox.forget(DEVICE)
    outbox.forget(DEVICE)
    assert (len(outbox), outbox.due(0), outbox.next_ms(), outbox.unconfirmed(DEVICE)) == (0, [], None, None)
