import pytest

from tests.support.waiting import eventually, eventually_async


def test_returns_the_first_true_value() -> None:
    values = iter([0, "", None, 7, 8])
    assert eventually(lambda: next(values)) == 7


def test_an_exception_counts_as_not_yet() -> None:
    calls = iter([KeyError("a"), AssertionError("b")])

    def probe() -> str:
        if error := next(calls, None):
            raise error
        return "done"

    assert eventually(probe) == "done"


def test_names_what_did_not_come_true() -> None:
    seen: dict[str, bool] = {}
    message = r"the moon is full did not come true within 0.05 s; last: KeyError"
    with pytest.raises(AssertionError, match=message) as caught:
        eventually(lambda: seen["moon"], 0.05, what="the moon is full")
    assert isinstance(caught.value.__cause__, KeyError)


def test_other_exceptions_end_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 // 0, retry_on=(KeyError,))


async def test_waits_for_coroutines_and_functions() -> None:
    values = iter([0, 0, 5])

    async def probe() -> int:
        return next(values)

    assert await eventually_async(probe) == 5
    assert await eventually_async(lambda: "yes") == "yes"
    with pytest.raises(AssertionError, match=r"did not come true within 0.05 s; last: 0"):
        await eventually_async(lambda: 0, 0.05)
