"""Registries: what can be added, until when, and that tests leave nothing in them."""

import pytest

from bridge.registry import RegistrationError, Registry


def test_things_stay_in_the_order_in_which_they_came() -> None:
    numbers = Registry("number", int)
    numbers.register("two", 2)
    numbers.register("one", 1)
    assert list(numbers) == [2, 1]
    assert numbers.all() == {"two": 2, "one": 1}


@pytest.mark.parametrize(
    ("name", "thing", "reason"),
    [
        ("one", 3, "number 'one': there is another of this name"),
        ("three", "3", "number 'three': it is a str, not a int"),
        ("", 3, "number '': a name has"),
        ("Three", 3, "a name has"),
        ("3", 3, "a name has"),
        ("a" * 33, 3, "a name has"),
    ],
)
def test_what_is_wrong_is_named(name: str, thing: int, reason: str) -> None:
    numbers = Registry("number", int)
    numbers.register("one", 1)
    with pytest.raises(RegistrationError, match=reason):
        numbers.register(name, thing)
    assert list(numbers) == [1]


def test_the_first_look_closes_it() -> None:
    numbers = Registry("number", int)
    assert list(numbers) == []
    numbers.register("one", 1)
    numbers.all()
    numbers.register("one", 1)  # as Django may call AppConfig.ready() again
    with pytest.raises(RegistrationError, match=r"number 'two': too late, .* AppConfig.ready"):
        numbers.register("two", 2)


def test_reopened_it_ends_as_it_was() -> None:
    numbers = Registry("number", int)
    numbers.register("one", 1)
    numbers.all()
    with numbers.reopened():
        numbers.register("two", 2)
        assert numbers.all() == {"one": 1, "two": 2}
    assert numbers.all() == {"one": 1}
    with pytest.raises(RegistrationError, match="too late"):
        numbers.register("two", 2)
    with numbers.reopened():
        numbers.register("two", 2)
