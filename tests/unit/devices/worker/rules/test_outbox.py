from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.worker.rules.lanes import UNDER_WAY_LIMIT, CommandItem, DesiredItem, Due, retry_delay_ms
from devices.worker.rules.outbox import Outbox

DEVICE = "demo/a"
FAR_MS = 10**9
HERE, THERE = "gateway-here", "gateway-there"


def due(outbox: Outbox, now_ms: int, gateways: dict[str, str] | None = None) -> list[Due]:
    """What is sent; devices are here unless ``gateways`` says so."""
    return outbox.due(now_ms, lambda device, last: (gateways or {}).get(device, HERE) or last)


def all_applied(device: str, confirmed: bool) -> int:
    """Nothing that came from devices waits anywhere."""
    return FAR_MS


def sent_at(outbox: Outbox, until_ms: int) -> list[int]:
    """When something is sent up to ``until_ms``; nobody answers."""
    times = []
    while (next_ms := outbox.next_ms()) is not None and next_ms <= until_ms:
        sent = due(outbox, next_ms)
        assert sent or outbox.expired(next_ms, all_applied), "it asked to be looked at for nothing"
        times += [next_ms] * len(sent)
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
    assert due(outbox, 0) == [Due(CommandItem(pk), DEVICE, HERE)]
    assert due(outbox, 4_999) == []
    assert sent_at(outbox, 200_000) == [5_000, 15_000, 35_000, 75_000, 135_000, 195_000]


def test_case_e5_a_confirmed_command_is_not_repeated_while_the_broker_has_it() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    due(outbox, 0)
    outbox.answered(CommandItem(pk), HERE, 10, ok=True)
    assert sent_at(outbox, 10_000_000) == []
    outbox.gateway_changed(HERE, lambda *_: HERE, 10_000_000, forgotten=False)
    assert sent_at(outbox, 20_000_000) == []
    outbox.close(pk)
    assert outbox.next_ms() is None
    assert len(outbox) == 0


def forgets(outbox: Outbox, now_ms: int) -> None:
    outbox.gateway_changed(HERE, lambda *_: HERE, now_ms, forgotten=True)


@pytest.mark.parametrize("happens", [lambda outbox, now_ms: outbox.device_online(DEVICE, now_ms), forgets])
@pytest.mark.parametrize("known", [False, True])
def test_case_e5_it_goes_again_when_its_device_is_online_or_the_broker_has_forgotten_it(
    happens: Callable[[Outbox, int], None], known: bool
) -> None:
    outbox, pk = Outbox(), uuid4()
    outbox.open(pk, DEVICE, FAR_MS, 0, confirmed=known)
    if not known:
        due(outbox, 0)
        outbox.answered(CommandItem(pk), HERE, 10, ok=True)
    assert due(outbox, 100_000) == []
    happens(outbox, 100_000)
    assert due(outbox, 100_000) == [Due(CommandItem(pk), DEVICE, HERE)]
    assert sent_at(outbox, 105_000) == [105_000], "until it is confirmed again"


def test_case_e5_an_answer_about_an_earlier_sending_does_not_hold_the_next() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    due(outbox, 0)
    outbox.device_online(DEVICE, 10)
    outbox.answered(CommandItem(pk), HERE, 20, ok=True)
    assert due(outbox, 20) == [Due(CommandItem(pk), DEVICE, HERE)]
    outbox.answered(CommandItem(pk), THERE, 30, ok=True)
    assert sent_at(outbox, 5_020) == [5_020], "at another broker than the device"


def test_a_known_command_is_not_opened_again() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    due(outbox, 0)
    outbox.open(pk, DEVICE, FAR_MS, 1)
    assert due(outbox, 1) == []


def test_a_command_expires_once_and_is_not_sent_any_more() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox, expires_ms=7_000)
    due(outbox, 0)
    assert outbox.expired(6_999, all_applied) == []
    assert outbox.expired(7_000, all_applied) == [pk]
    assert outbox.expired(7_000, all_applied) == []
    assert due(outbox, FAR_MS) == []


@pytest.mark.parametrize("confirmed", [False, True])
def test_case_d5_nothing_expires_while_what_may_hold_its_answer_waits(confirmed: bool) -> None:
    outbox, asked = Outbox(), set()
    (pk,) = opened(outbox, expires_ms=7_000)
    due(outbox, 0)
    if confirmed:
        outbox.answered(CommandItem(pk), HERE, 10, ok=True)

    def applied(device: str, confirmed: bool) -> int:
        asked.add((device, confirmed))
        return 6_999

    assert outbox.expired(7_000, applied) == []
    assert asked == {(DEVICE, confirmed)}
    assert outbox.next_ms() == 7_500, "looked at again"
    outbox.device_online(DEVICE, 7_100)
    assert due(outbox, 7_400) == [], "it is not sent any more"
    assert outbox.expired(7_500, lambda *_: 7_000) == [pk]
    assert (len(outbox), outbox.next_ms()) == (0, None)


def test_a_closed_command_does_not_expire() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox, expires_ms=7_000)
    outbox.close(pk)
    assert outbox.expired(8_000, all_applied) == []


def test_a_device_that_comes_online_gets_all_its_commands_and_no_others() -> None:
    outbox = Outbox()
    mine, other = opened(outbox, 2), opened(outbox, 1, device="demo/b")
    assert len(due(outbox, 0)) == 3
    outbox.device_online(DEVICE, 1_000)
    outbox.device_online("demo/nobody", 1_000)
    assert {one.item for one in due(outbox, 1_000)} == {CommandItem(pk) for pk in mine}
    assert {one.item for one in due(outbox, 5_000)} == {CommandItem(pk) for pk in other}
    assert {one.item for one in due(outbox, 6_000)} == {CommandItem(pk) for pk in mine}, "its backoff began anew"


def test_a_new_connection_makes_all_due() -> None:
    outbox = Outbox()
    opened(outbox, 3)
    outbox.want("demo/b", b"{}", 0)
    assert len(due(outbox, 0)) == 4
    outbox.gateway_changed(HERE, lambda *_: HERE, 1_000, forgotten=False)
    assert len(due(outbox, 1_000)) == 4


def test_only_so_many_are_under_way() -> None:
    outbox = Outbox()
    ids = opened(outbox, UNDER_WAY_LIMIT + 10)
    first = due(outbox, 0)
    assert [one.item for one in first] == [CommandItem(pk) for pk in ids[:UNDER_WAY_LIMIT]]
    assert due(outbox, 1) == []
    for one in first[:3]:
        outbox.answered(one.item, HERE, 2, ok=True)
    assert [one.item for one in due(outbox, 2)] == [CommandItem(pk) for pk in ids[UNDER_WAY_LIMIT:][:3]]


def test_those_that_nobody_answers_make_room_in_time() -> None:
    outbox = Outbox()
    ids = opened(outbox, UNDER_WAY_LIMIT + 10)
    due(outbox, 0)
    next_ms = outbox.next_ms()
    assert next_ms == 5_000
    later = [one.item for one in due(outbox, next_ms)]
    assert later[:10] == [CommandItem(pk) for pk in ids[UNDER_WAY_LIMIT:]], "who has waited longest comes first"
    assert len(later) == UNDER_WAY_LIMIT


def test_a_refusal_holds_all_for_a_second() -> None:
    outbox = Outbox()
    first, _ = opened(outbox, 2)
    outbox.answered(CommandItem(first), HERE, 0, ok=False)
    assert due(outbox, 999) == []
    assert outbox.next_ms() == 1_000
    assert len(due(outbox, 1_000)) == 2


def test_a_desired_payload_is_repeated_until_it_is_settled() -> None:
    outbox = Outbox()
    outbox.want(DEVICE, b"1", 0)
    assert due(outbox, 0) == [Due(DesiredItem(DEVICE), DEVICE, HERE, b"1")]
    outbox.want(DEVICE, b"1", 1_000)
    assert due(outbox, 1_000) == [], "it is the same: its backoff goes on"
    assert due(outbox, 5_000) == [Due(DesiredItem(DEVICE), DEVICE, HERE, b"1")]
    outbox.settled(DEVICE)
    assert outbox.next_ms() is None


def test_a_new_desired_payload_is_sent_at_once() -> None:
    outbox = Outbox()
    outbox.want(DEVICE, b"1", 0)
    due(outbox, 0)
    outbox.want(DEVICE, b"2", 10)
    assert outbox.unconfirmed(DEVICE) == b"2"
    assert due(outbox, 10) == [Due(DesiredItem(DEVICE), DEVICE, HERE, b"2")]


def test_nothing_waits_for_a_deleted_device() -> None:
    outbox = Outbox()
    opened(outbox, 2)
    outbox.want(DEVICE, b"1", 0)
    outbox.forget(DEVICE)
    outbox.forget(DEVICE)
    assert (len(outbox), due(outbox, 0), outbox.next_ms(), outbox.unconfirmed(DEVICE)) == (0, [], None, None)


# ---- several gateways

OTHER = "demo/b"


def test_each_gateway_gets_its_devices_commands() -> None:
    outbox = Outbox()
    (mine,), (other,) = opened(outbox), opened(outbox, device=OTHER)
    assert due(outbox, 0, {OTHER: THERE}) == [
        Due(CommandItem(mine), DEVICE, HERE),
        Due(CommandItem(other), OTHER, THERE),
    ]


def test_a_gateway_that_is_full_or_refuses_holds_nobody_elses_up() -> None:
    outbox, gateways = Outbox(), {OTHER: THERE}
    opened(outbox, UNDER_WAY_LIMIT + 10)
    assert len(due(outbox, 0, gateways)) == UNDER_WAY_LIMIT
    first, second = opened(outbox, 2, device=OTHER)
    assert [one.item for one in due(outbox, 1, gateways)] == [CommandItem(first), CommandItem(second)]
    outbox.answered(CommandItem(first), THERE, 2, ok=False)
    (third,) = opened(outbox, device=OTHER)
    assert due(outbox, 3, gateways) == [], "one is full, the other refuses"
    assert outbox.next_ms() == 1_002
    assert [one.item for one in due(outbox, 1_002, gateways)] == [CommandItem(third)]


def test_a_new_connection_makes_its_gateways_items_due_and_no_others() -> None:
    outbox, gateways = Outbox(), {OTHER: THERE}
    opened(outbox)
    (other,) = opened(outbox, device=OTHER)
    assert len(due(outbox, 0, gateways)) == 2
    outbox.answered(CommandItem(other), THERE, 5, ok=False)
    outbox.gateway_changed(THERE, lambda device, _: gateways.get(device, HERE), 10, forgotten=False)
    assert [one.device for one in due(outbox, 10, gateways)] == [OTHER]


def test_what_waits_for_a_device_goes_along_when_it_is_elsewhere() -> None:
    outbox = Outbox()
    opened(outbox, UNDER_WAY_LIMIT)
    (other,) = opened(outbox, device=OTHER)
    assert len(due(outbox, 0)) == UNDER_WAY_LIMIT, "its gateway is full"
    outbox.device_online(OTHER, 1)
    assert due(outbox, 1, {OTHER: THERE}) == [Due(CommandItem(other), OTHER, THERE)]
    outbox.answered(CommandItem(other), HERE, 2, ok=False)
    assert due(outbox, 4_999, {OTHER: THERE}) == [], "what its former gateway says is not about this one"
    assert Due(CommandItem(other), OTHER, THERE) in due(outbox, 5_001, {OTHER: THERE})


def test_a_device_that_nobody_told_us_has_moved_is_found_at_the_next_attempt() -> None:
    outbox = Outbox()
    (pk,) = opened(outbox)
    due(outbox, 0)
    assert due(outbox, 5_000, {DEVICE: THERE}) == [Due(CommandItem(pk), DEVICE, THERE)]
    assert sent_at(outbox, 5_000) == []


def test_what_is_left_of_a_deleted_device_goes_where_it_was() -> None:
    outbox = Outbox()
    outbox.want(DEVICE, b"", 0, gateway=THERE)
    assert due(outbox, 0, {DEVICE: ""}) == [Due(DesiredItem(DEVICE), DEVICE, THERE)]
    assert due(outbox, 5_000, {DEVICE: ""}) == [Due(DesiredItem(DEVICE), DEVICE, THERE)]
    outbox.gateway_changed(THERE, lambda _, last: last, 6_000, forgotten=False)
    assert due(outbox, 6_000, {DEVICE: ""}) == [Due(DesiredItem(DEVICE), DEVICE, THERE)]


@given(st.lists(st.tuples(st.sampled_from("aab"), st.sampled_from([HERE, THERE]), st.integers(0, 20)), max_size=60))
def test_whatever_moves_each_item_is_in_one_lane_and_nothing_is_forgotten(steps: list[tuple[str, str, int]]) -> None:
    outbox, gateways, now_ms, waiting = Outbox(), {"a": HERE, "b": HERE}, 0, 0
    for device, gateway, wait_s in steps:
        now_ms += 1000 * wait_s
        gateways[device] = gateway
        outbox.open(uuid4(), device, FAR_MS, now_ms)
        outbox.device_online(device, now_ms)
        waiting += 1
        for one in due(outbox, now_ms, gateways):
            assert one.gateway == gateways[one.device]
            outbox.answered(one.item, one.gateway, now_ms, ok=True)
        assert len(outbox) == waiting
    seen: set[object] = set()
    for gateway in (HERE, THERE):
        outbox.gateway_changed(gateway, lambda device, _: gateways[device], now_ms, forgotten=True)
    while len(seen) < waiting:
        now_ms += 60_000
        sent = due(outbox, now_ms, gateways)
        assert sent, "each comes again within a minute"
        for one in sent:
            outbox.answered(one.item, one.gateway, now_ms, ok=True)
            seen.add(one.item)
