"""Who is suspect, who goes alone, who is set aside."""

from hypothesis import given
from hypothesis import strategies as st

from mqtt_gateway.rules.suspects import Suspects


def goes(suspects: Suspects, key: str) -> None:
    assert suspects.may_go(key)
    suspects.goes(key)


def test_case_e4_what_is_alone_when_the_connection_breaks_again_and_again_is_set_aside() -> None:
    suspects = Suspects()
    for key in ("a", "bad", "b"):
        goes(suspects, key)
    assert suspects.breaks() == []
    assert suspects
    goes(suspects, "a")
    assert not suspects.may_go("bad"), "alone"
    assert not suspects.may_go("other"), "nothing beside a suspect"
    suspects.ends("a")
    for found in ([], ["bad"]):
        goes(suspects, "bad")
        assert suspects.breaks() == found
    goes(suspects, "b")
    suspects.ends("b")
    assert (suspects.is_set_aside("bad"), suspects.is_set_aside("a"), bool(suspects)) == (True, False, False)


def test_a_connection_that_breaks_with_nothing_under_way_makes_nobody_suspect() -> None:
    suspects = Suspects()
    goes(suspects, "a")
    suspects.ends("a")
    assert (suspects.breaks(), bool(suspects)) == ([], False)


@given(st.lists(st.integers(0, 63), min_size=1, max_size=64, unique=True), st.data())
def test_case_e3_one_culprit_among_many_is_found_in_three_connections_and_nobody_else(
    keys: list[int], data: st.DataObject
) -> None:
    bad, suspects, connections = data.draw(st.sampled_from(keys)), Suspects(), 0
    waiting = list(keys)
    while waiting:
        connections += 1
        sent: list[int] = []
        while waiting and suspects.may_go(waiting[0]):  # as many at a time as may be
            suspects.goes(waiting[0])
            sent.append(waiting.pop(0))
            if suspects and sent[-1] != bad:
                suspects.ends(sent.pop())
        if bad in sent:
            found = suspects.breaks()
            waiting = [key for key in sent + waiting if key not in found]
            continue
        for key in sent:
            suspects.ends(key)
    assert [key for key in keys if suspects.is_set_aside(key)] == [bad]
    assert connections <= 4
