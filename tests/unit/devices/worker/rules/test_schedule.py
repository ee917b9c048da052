from hypothesis import given
from hypothesis import strategies as st

from devices.worker.rules.schedule import Schedule


def drain(schedule: Schedule[str], now_ms: int) -> list[str]:
    out = []
    while (key := schedule.pop(now_ms)) is not None:
        out.append(key)
    return out


def test_gives_out_what_is_due_in_order() -> None:
    schedule: Schedule[str] = Schedule()
    for key, time_ms in (("c", 30), ("a", 10), ("b", 20)):
        schedule.set(key, time_ms)
    assert schedule.first_ms() == 10
    assert drain(schedule, 20) == ["a", "b"]
    assert schedule.first_ms() == 30
    assert drain(schedule, 29) == []


def test_a_changed_time_replaces_the_former() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.set("a", 10)
    schedule.set("a", 30)
    assert schedule.first_ms() == 30
    schedule.set("a", 5)
    assert drain(schedule, 100) == ["a"]
    assert schedule.first_ms() is None


def test_a_time_may_only_be_made_earlier() -> None:
    schedule: Schedule[str] = Schedule()
    for time_ms, first_ms in ((20, 20), (30, 20), (10, 10)):
        schedule.set_earlier("a", time_ms)
        assert schedule.first_ms() == first_ms


def test_a_removed_key_never_comes() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.set("a", 10)
    schedule.remove("a")
    schedule.remove("a")
    assert drain(schedule, 100) == []
    assert "a" not in schedule


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abcde"), st.integers(0, 50)),
        st.tuples(st.just("remove"), st.sampled_from("abcde"), st.just(0)),
        st.tuples(st.just("pop"), st.just(""), st.integers(0, 50)),
    ),
    max_size=300,
)


@given(CHANGES)
def test_behaves_like_a_dictionary_that_is_searched(changes: list[tuple[str, str, int]]) -> None:
    schedule: Schedule[str] = Schedule()
    model: dict[str, int] = {}
    for what, key, number in changes:
        if what == "set":
            schedule.set(key, number)
            model[key] = number
        elif what == "remove":
            schedule.remove(key)
            model.pop(key, None)
        else:
            popped = schedule.pop(number)
            due = [time for time in model.values() if time <= number]
            assert (popped is None) == (not due)
            if popped is not None:
                assert model.pop(popped) == min(due)
        assert len(schedule) == len(model)
        assert schedule.first_ms() == min(model.values(), default=None)
        assert len(schedule._heap) <= 2 * len(model) + 65
