"""What is remembered is found for the very object alone, and is bounded."""

from bridge.dialects.forms.caches import by_identity


def test_it_is_found_once_for_each_object_and_forgotten_in_order() -> None:
    asked: list[tuple[int, ...]] = []

    @by_identity(2)
    def total(of: tuple[int, ...]) -> int:
        asked.append(of)
        return sum(of)

    first, equal, third = ((1, number) for number in (2, 2, 3))
    assert [total(one) for one in (first, first, equal, equal, first)] == [3] * 5
    assert asked == [first, equal]
    assert (total(third), total(first)) == (4, 3)
    assert asked == [first, equal, third, first]
