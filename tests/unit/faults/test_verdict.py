"""The verdict sees what it is there to see: a loss, a repeat, another order, and whose fault it was."""

from tests.faults.load import Attempt
from tests.faults.verdict import Findings, Given, Key, judge

DEVICE = "fleet/d"


def telemetry(n: int, c: int = 1, *, confirmed: bool = True) -> Attempt:
    return Attempt(DEVICE, n, c, "telemetry", confirmed)


def keys(*numbers: int) -> list[Key]:
    return [("telemetry", n, 1) for n in numbers]


def counts(found: Findings) -> tuple[int, int, int]:
    return found.lost, found.repeated, found.out_of_order


SENT = [telemetry(0), telemetry(1), telemetry(2)]


def test_all_applied_once_and_in_order_is_well() -> None:
    found = judge(DEVICE, SENT, keys(0, 1, 2))
    assert not found.violations
    assert not found.lines


def test_a_missing_one_is_lost() -> None:
    found = judge(DEVICE, SENT, keys(0, 2))
    assert counts(found) == (1, 0, 0)
    assert found.lines == ["fleet/d: lost: expected telemetry n=1 (connection 1), got telemetry n=2 (connection 1)"]


def test_one_applied_twice_is_repeated() -> None:
    assert counts(judge(DEVICE, SENT, keys(0, 1, 1, 2))) == (0, 1, 0)
    assert counts(judge(DEVICE, SENT, keys(0, 1, 2, 0, 1))) == (0, 2, 0)


def test_one_of_an_earlier_round_is_repeated() -> None:
    found = judge(DEVICE, SENT, keys(7, 0, 1, 2))
    assert counts(found) == (0, 1, 0)
    assert found.lines == ["fleet/d: telemetry n=7 (connection 1) was applied 1 time(s) too often"]


def test_another_order_is_seen() -> None:
    assert counts(judge(DEVICE, SENT, keys(1, 0, 2))) == (0, 0, 1)


def test_what_the_broker_did_not_confirm_may_be_applied_or_not() -> None:
    sent = [telemetry(0), telemetry(1, confirmed=False), telemetry(1, c=2)]
    again: Key = ("telemetry", 1, 2)
    assert not judge(DEVICE, sent, [*keys(0), again]).violations
    assert not judge(DEVICE, sent, [*keys(0, 1), again]).violations
    assert counts(judge(DEVICE, sent, keys(0, 1))) == (1, 0, 0)
    assert counts(judge(DEVICE, sent, [*keys(0), again, *keys(1)])) == (0, 0, 1)


def test_states_are_not_in_the_history() -> None:
    assert not judge(DEVICE, [Attempt(DEVICE, 0, 1, "state", confirmed=True)], []).violations


def given(*deliveries: tuple[int, bool], confirmed: list[int]) -> Given:
    """From (n, dup), and what we confirmed at the end."""
    one = Given()
    for n, dup in deliveries:
        one.take(("telemetry", n, 1), dup=dup)
    for n in confirmed:
        one.confirm(("telemetry", n, 1))
    return one


def test_what_we_never_confirmed_was_forgotten_by_the_broker() -> None:
    broker = given((0, False), (1, False), confirmed=[0])
    found = judge(DEVICE, SENT, keys(0), broker)
    assert (counts(found), found.forgotten) == ((0, 0, 0), 2)


def test_what_we_confirmed_is_ours_to_keep() -> None:
    broker = given((0, False), (1, False), (2, False), confirmed=[0, 1, 2])
    found = judge(DEVICE, SENT, keys(0, 2), broker)
    assert (counts(found), found.forgotten) == ((1, 0, 0), 0)


def test_a_delivery_marked_as_a_repeat_must_be_recognised() -> None:
    broker = given((0, False), (1, False), (1, True), (2, False), confirmed=[0, 1, 2])
    found = judge(DEVICE, SENT, keys(0, 1, 1, 2), broker)
    assert (counts(found), found.redelivered) == ((0, 1, 0), 0)


def test_a_delivery_as_new_is_the_brokers_repeat() -> None:
    broker = given((0, False), (1, False), (1, False), (2, False), confirmed=[0, 1, 2])
    found = judge(DEVICE, SENT, keys(0, 1, 1, 2), broker)
    assert (counts(found), found.redelivered) == ((0, 0, 0), 1)


def test_the_order_of_delivery_counts_where_the_broker_changed_it() -> None:
    broker = given((1, False), (0, False), (2, False), confirmed=[0, 1, 2])
    assert not judge(DEVICE, SENT, keys(1, 0, 2), broker).violations
    assert counts(judge(DEVICE, SENT, keys(0, 1, 2), broker)) == (0, 0, 1)


def test_since_when_something_is_forgotten_is_known() -> None:
    sent = [Attempt(DEVICE, n, 1, "telemetry", confirmed=True, at_ms=1000 + n) for n in range(4)]
    given = Given()
    given.take(sent[0].key, dup=False)
    given.confirm(sent[0].key)
    found = judge(DEVICE, sent, keys(0, 3), given)
    assert (found.lost, found.forgotten, found.forgotten_ms) == (0, 2, 1001)
    total = Findings()
    total.add(found)
    total.add(Findings())
    assert (total.forgotten, total.forgotten_ms) == (2, 1001)


def test_what_the_broker_has_shuffled_is_in_order_as_it_was_given() -> None:
    given = Given()
    for key in keys(0, 2, 1):
        given.take(key, dup=False)
    found = judge(DEVICE, SENT, keys(0, 2, 1), given, is_forgetful=False)
    assert (found.violations, found.shuffled) == (0, 1)
    assert judge(DEVICE, SENT, keys(0, 1, 2), given, is_forgetful=False).out_of_order == 1


def test_a_broker_that_forgets_nothing_excuses_nothing() -> None:
    given = Given()
    given.take(SENT[0].key, dup=False)
    assert counts(judge(DEVICE, SENT, keys(0), given, is_forgetful=False)) == (2, 0, 0)
