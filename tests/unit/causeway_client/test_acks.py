"""Acknowledgements: what is handled without a hole, not too often, not too late."""

import pytest

from causeway_client import Backoff, StreamBrokenError
from causeway_client.acks import ACK_EVERY_CHARS, ACK_EVERY_FRAMES, ACK_EVERY_S, Acks

LATER = 2 * ACK_EVERY_S


def acks(*readers: int, chars: int = 1) -> Acks:
    """After frames with so many readers each."""
    made = Acks(0.0)
    for n, count in enumerate(readers, 1):
        made.take(n, chars, count)
    return made


@pytest.mark.parametrize("n", [1, 3, 0, None, "2"])
def test_frames_out_of_number_are_refused(n: object) -> None:
    with pytest.raises(StreamBrokenError):
        acks(0).take(n, 1, 0)


def test_what_nobody_reads_is_handled_at_once() -> None:
    assert acks(0, 0, 0).due(LATER) == 3


def test_a_frame_in_hand_holds_back_all_that_came_after() -> None:
    some = acks(0, 1, 0, 1)
    assert some.due(LATER) == 1
    some.handled(4)
    assert some.due(2 * LATER) is None
    some.handled(2)
    assert some.due(2 * LATER) == 4


def test_a_frame_is_handled_when_all_its_readers_are_done() -> None:
    some = acks(2)
    some.handled(1)
    assert some.due(LATER) is None
    some.handled(1)
    assert some.due(LATER) == 1


def test_nothing_is_acknowledged_twice_nor_when_nothing_is_owed() -> None:
    some = acks(0)
    assert some.due(LATER) == 1
    assert some.due(2 * LATER) is None
    assert Acks(0.0).due(LATER) is None


def test_little_waits_a_second_much_does_not() -> None:
    assert acks(0).due(ACK_EVERY_S / 2) is None
    assert acks(*[0] * (ACK_EVERY_FRAMES - 1)).due(0.0) is None
    assert acks(*[0] * ACK_EVERY_FRAMES).due(0.0) == ACK_EVERY_FRAMES
    assert acks(0, 0, chars=ACK_EVERY_CHARS // 2).due(0.0) == 2
    assert not acks(*[1] * ACK_EVERY_FRAMES).is_much


def test_what_is_much_begins_anew_with_each_acknowledgement() -> None:
    some = acks(*[0] * ACK_EVERY_FRAMES)
    some.due(0.0)
    some.take(ACK_EVERY_FRAMES + 1, 1, 0)
    assert not some.is_much


def test_backoff_doubles_up_to_a_limit_and_is_jittered() -> None:
    backoff = Backoff(first_s=0.5, most_s=15)
    assert [backoff.delay_s(attempt, 1.0) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]
    assert backoff.delay_s(0, 0.0) == 0.25
    assert backoff.delay_s(10**9, 1.0) == 15
