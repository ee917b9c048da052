from hypothesis import example, given
from hypothesis import strategies as st

from mqtt_gateway.rules.canary import HELD_FOR, Canary


def connection(canary: Canary, *names: str, is_new: bool = True) -> list[bool]:
    canary.connecting()
    return [canary.delivered(name, number, 0, is_new=is_new) for number, name in enumerate(names, 1)]


def test_a_marker_is_confirmed_once_a_newer_one_is_stored() -> None:
    canary = Canary()
    assert connection(canary, "a", "b", "c") == [True, True, True]
    assert canary.names(3) == ["a", "b", "c"]
    canary.delivered("d", 4, 3, is_new=True)
    assert canary.stored(["a", "b", "c"]) == [1, 2]
    assert canary.names(4) == ["c", "d"]


def test_what_was_held_comes_again_or_is_missing() -> None:
    canary = Canary()
    connection(canary, "a", "b")
    assert connection(canary, "b", is_new=False) == [True]
    assert not canary.is_missing()
    canary.connecting()
    assert canary.is_missing()
    assert not canary.is_missing(), "told once"


def test_what_a_former_process_stored_is_expected_until_something_newer_is() -> None:
    canary = Canary(["a"])
    assert canary.names(0) == ["a"], "stays stored"
    assert connection(canary, "stale", is_new=False) == [False], "of an earlier connection: confirmed at once"
    assert canary.is_missing()


def test_a_broker_that_has_nothing_of_ours_says_so_itself() -> None:
    canary = Canary(["a"])
    canary.session_is_new()
    assert not canary.is_missing()


def test_none_is_held_while_packet_ids_come_round() -> None:
    canary = Canary()
    connection(canary, "a")
    assert canary.names(HELD_FOR) == ["a"]
    assert canary.names(HELD_FOR + 1) == []
    assert canary.stored([]) == [1]
    canary.connecting()
    assert not canary.is_missing(), "nothing is expected"


# Names are stored that were asked for on the connection before: the newer of two is confirmed by then.
LATE = ["marker", "marker", "names", "lost", "stored", "crash", "marker"]


@example(LATE)
@given(st.lists(st.sampled_from(["marker", "names", "stored", "lost", "crash"]), max_size=40))
def test_without_a_thief_nothing_is_ever_missing(steps: list[str]) -> None:
    """A broker that keeps what is not confirmed; a database that has what was last stored."""
    broker: dict[str, int] = {}
    canary, database, written = Canary(), list[str](), list[str]()
    for number, step in enumerate(steps, 1):
        match step:
            case "marker":
                assert not canary.is_missing()
                broker[f"m{number}"] = number
                if not canary.delivered(f"m{number}", number, number, is_new=True):
                    del broker[f"m{number}"]
            case "names":
                written = canary.names(number)
            case "stored":
                database = list(written)
                done = canary.stored(database)
                broker = {name: packet_id for name, packet_id in broker.items() if packet_id not in done}
            case _:
                canary = Canary(database) if step == "crash" else canary
                written = database if step == "crash" else written
                canary.connecting()
                for name, packet_id in list(broker.items()):
                    if not canary.delivered(name, packet_id, number, is_new=False):
                        del broker[name]
