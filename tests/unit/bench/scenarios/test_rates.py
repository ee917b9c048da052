"""What a lone message takes above being idle, and how long each is measured."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from bench.drive.tools import BenchError
from bench.installations.installation import Causeway, Effort, Installation
from bench.measure.results import OURS, Usage
from bench.measure.search import Trial
from bench.scenarios import rates
from tests.support.worlds.system import System

IDLE = {"gateway": Usage(0.1, 60.0), "web": Usage(0.3, 70.0)}
ALONE = {"gateway": Usage(0.2, 60.0), "web": Usage(0.5, 70.0), "recorder": Usage(5.0, 9.0)}


def trial(**fields: Any) -> Trial:
    usual: dict[str, Any] = {"rate": 5.0, "sent": 100, "seconds": 20.0, "received": 100, "usage": ALONE}
    none = dict.fromkeys(("lost", "repeated", "disordered"), 0)
    return Trial(**{**usual, **none, **dict.fromkeys(("early_p50_ms", "late_p50_ms", "max_ms"), 4.0), **fields})


class FakeRig:
    """Tells what was asked of it, and answers with one trial."""

    def __init__(self, answer: Trial) -> None:
        self.answer, self.seconds = answer, list[float]()

    def warm_up(self) -> None:
        pass

    settle = warm_up

    def idle(self, seconds: float) -> Mapping[str, Usage]:
        self.seconds.append(seconds)
        return IDLE

    def stretch(self, _rate: float, seconds: float) -> None:
        self.seconds.append(seconds)

    def trial(self, _rate: float, seconds: float) -> Trial:
        self.seconds.append(seconds)
        return self.answer


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> FakeRig:
    fake = FakeRig(trial(p50_ms=4.0, p99_ms=9.0))

    @contextlib.contextmanager
    def entered(_installation: Installation) -> Iterator[FakeRig]:
        yield fake

    monkeypatch.setattr(rates, "Rig", entered)
    return fake


def named(name: str = OURS) -> Installation:
    return Installation(name=name, mqtt_port=0, endpoint=None, processes={})


def test_idle_is_percent_of_a_core_without_the_tools(rig: FakeRig) -> None:
    effort = Effort()
    assert rates.idle(named(), effort).figures == {"cpu_percent": pytest.approx(100 * 0.4 / 20)}
    assert effort.idle == {OURS: [{"gateway": pytest.approx(0.005), "web": pytest.approx(0.015)}]}


def test_a_lone_message_takes_what_is_above_idle(rig: FakeRig) -> None:
    found = rates.lone(named(), Effort(idle={OURS: [{"gateway": 0.004, "web": 0.01}, {"gateway": 0.006, "web": 0.02}]}))
    assert found.usage["gateway"].cpu_s == pytest.approx(0.1)
    assert found.usage["web"].cpu_s == pytest.approx(0.2)
    assert found.figures["cpu_us_per_message"] == pytest.approx(3000)
    assert (found.figures["p50_ms"], found.figures["lost"]) == (4.0, 0.0)
    assert rig.seconds == [20]


def test_idle_is_measured_first_if_it_was_not(rig: FakeRig) -> None:
    effort = Effort()
    rates.lone(named(), effort)
    assert rig.seconds == [20, 20]
    assert len(effort.idle[OURS]) == 1


def test_at_a_rate_all_cpu_time_counts(rig: FakeRig) -> None:
    found = rates.at_rate(5.0, named(), Effort()).figures
    assert found["cpu_percent"] == pytest.approx(100 * 0.7 / 20)
    assert found["cpu_us_per_message"] == pytest.approx(7000)


def test_who_can_not_keep_up_has_no_figure_but_ours_has(rig: FakeRig) -> None:
    rig.answer = trial(p50_ms=4.0, p99_ms=900.0)
    ours = Causeway(name=OURS, mqtt_port=0, endpoint=None, processes={}, system=cast("System", None))
    assert rates.at_rate(5.0, ours, Effort()).figures["p99_ms"] == 900
    with pytest.raises(BenchError, match="p99 900 ms"):
        rates.at_rate(5.0, named("plain Channels, Redis layer"), Effort())


def test_the_quick_run_gives_others_less_time_and_the_full_one_everybody_more(rig: FakeRig) -> None:
    for effort, name in ((Effort(), "other"), (Effort(full=True), "other"), (Effort(full=True), OURS)):
        rates.idle(named(name), effort)
    assert rig.seconds == [5, 30, 30]
