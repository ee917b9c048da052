import threading
from typing import Any, cast

from bench.scenarios.absence import absent
from tests.support.servers.processes import Process

LONG_S = 60


class FakeProcess:
    def __init__(self, told: list[str], name: str) -> None:
        self._told, self._name = told, name
        self.started = threading.Event()

    def kill(self) -> None:
        self._told.append(f"{self._name} killed")

    def start(self) -> None:
        self._told.append(f"{self._name} started")
        self.started.set()


def fakes(told: list[str]) -> list[Process]:
    return cast(list[Process], [FakeProcess(told, "one"), FakeProcess(told, "other")])


BOTH = ["one killed", "other killed", "one started", "other started"]


def test_all_are_killed_before_any_is_started_while_the_context_goes_on() -> None:
    told: list[str] = []
    processes: Any = fakes(told)
    with absent(processes, 0, 0.01):
        assert processes[1].started.wait(LONG_S)
        assert told == BOTH


def test_when_the_context_ends_early_they_run_again_all_the_same() -> None:
    told: list[str] = []
    with absent(fakes(told), LONG_S, LONG_S):
        assert not told
    assert told == BOTH
