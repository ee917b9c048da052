import pytest

from tests.support import waiting
from tests.support.waiting import eventually, eventually_async, promptly, promptly_async


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


async def test_what_is_prompt_once_in_three_times_is_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "contention", lambda: 1.0)
    took_s = iter([3.0, 2.0, 1.0])
    promptly(lambda: next(took_s), 1)
    with pytest.raises(AssertionError, match=r"it took \[2, 2, 2\] s, not once 1 s or less"):
        promptly(lambda: 2, 1)

    async def measure() -> float:
        return next(more_s)

    more_s = iter([2.0, 0.5, 9.0])
    await promptly_async(measure, 1)
    assert list(more_s) == [9.0]
    more_s = iter([2.0, 3.0, 4.0])
    with pytest.raises(AssertionError, match="not once"):
        await promptly_async(measure, 1)


def test_a_busy_machine_has_longer_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waiting.contention() >= 1
    monkeypatch.setattr(waiting, "contention", lambda: 4.0)
    promptly(lambda: 4, 1)
    with pytest.raises(AssertionError, match="not once"):
        promptly(lambda: 4.1, 1)
