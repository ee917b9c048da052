"""Whatever happens: who follows gets each reading since its start once, each device's in order, and no other."""

import contextlib
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.handlers.followers import follow, unfollow
from devices.handlers.items import Reading
from devices.handlers.log import head, read, start_of
from devices.worker.effects.rate_gate import RateGate
from devices.worker.round import transaction
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

_fresh = count()
READINGS, SHARDS = {Reading}, frozenset({0, 1})

ROUND = st.tuples(st.just("round"), st.lists(st.sampled_from([0, 0, 1, 2]), max_size=4))
STEPS = st.lists(
    st.one_of(
        *[ROUND] * 5,
        st.tuples(st.just("fails"), st.lists(st.sampled_from([0, 1]), min_size=1, max_size=2)),
        st.tuples(st.just("state"), st.just([0])),
        st.tuples(st.just("killed"), st.none()),
        st.tuples(st.just("look"), st.none()),
        st.tuples(st.just("other follows"), st.none()),
        st.tuples(st.just("other goes"), st.none()),
        st.tuples(st.just("purge"), st.none()),
        st.tuples(st.just("read"), st.integers(1, 3)),
    ),
    max_size=15,
)


class World:
    """Two devices of shard 0 and one of another, their worker, and somebody who follows shard 0."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch, name = monkeypatch, f"p{next(_fresh)}-"
        self.keys = [key_in(0, name=name), key_in(0, name=name, nth=1), key_in(1, name=name)]
        self.sent, self.numbers = {key: list[int]() for key in self.keys[:2]}, count()
        self.worker = Worker(f"worker {name}", epoch=next(_fresh) + 1, shards=SHARDS)
        self.worker.round()
        self.got = {key: list[int]() for key in self.keys[:2]}
        self.position: int | None = None

    def begin(self, at: Any) -> None:
        """From here on."""
        self.position = start_of(0, at, READINGS)
        follow("somebody", 0, self.position)
        if at == "now":
            self.sent = {key: [] for key in self.sent}

    def do(self, what: str, detail: Any) -> None:
        match what:
            case "round" | "fails":
                self._round(detail, fails=what == "fails")
            case "state":
                self.worker.hear(delivery(self.keys[0], "state", {"n": next(self.numbers)}))
            case "killed":
                self.worker = Worker(
                    f"worker {next(_fresh)}", epoch=next(_fresh) + 1, now_ms=self.worker.now_ms,
                    followed=self.worker.followed, shards=SHARDS,
                )  # fmt: skip
                self.worker.round()
            case "look":
                self.worker.look()
            case "other follows":
                follow("other", 0, head(0))
            case "other goes":
                unfollow("other")
            case "purge":
                self.worker.purge(10)
            case "read":
                self.read(detail)

    def _round(self, devices: list[int], *, fails: bool) -> None:
        """One transaction; first it may fail at its end."""
        batches = []
        for shard in (0, 1):
            said = []
            for key in (self.keys[which] for which in devices if (which == 2) == (shard == 1)):
                number = next(self.numbers)
                if key in self.sent:
                    self.sent[key].append(number)
                said.append(delivery(key, "telemetry", {"n": number}, at_ms=self.worker.now_ms))
            if said:
                batches.append(self.worker.uplink.batch(*said))
        if fails:
            with self._monkeypatch.context() as patch, contextlib.suppress(OperationalError):
                patch.setattr(transaction, "pass_fence", _fails)
                self.worker.take(*batches)
        self.worker.take(*batches)

    def read(self, most: int) -> bool:
        """A batch; whether the position has moved."""
        if self.position is None:
            return False
        batch = read(0, self.position, most, READINGS)
        for item in batch.items:
            assert isinstance(item, Reading)
            if item.device in self.got:  # else it is of a former example
                self.got[item.device].append(int(item.metrics["n"]))  # type: ignore[arg-type]
        has_moved, self.position = batch.upto != self.position, batch.upto
        follow("somebody", 0, self.position)
        return has_moved


def _fails(*_: Any) -> None:
    raise OperationalError("the connection is gone")


@pytest.mark.django_db
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.sampled_from(["now", "beginning"]), STEPS)
def test_each_reading_since_the_start_comes_once_and_in_order(
    db: None, monkeypatch: pytest.MonkeyPatch, before: list[tuple[str, Any]], at: str, after: list[tuple[str, Any]]
) -> None:
    monkeypatch.setattr(RateGate, "__call__", lambda self: True)
    world = World(monkeypatch)
    for what, detail in before:
        world.do(what, detail)
    world.begin(at)
    for what, detail in after:
        world.do(what, detail)
    world.worker.look()
    while world.read(2):
        pass
    assert world.got == world.sent
    assert world.position == head(0)
    unfollow("somebody")
    unfollow("other")
