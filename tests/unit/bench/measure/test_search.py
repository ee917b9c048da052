"""The search for the sustained rate, against installations that are played: how near it comes, in how many trials."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.results import Usage
from bench.measure.search import Trial, highest

GOOD = Trial(
    rate=100, sent=200, seconds=2, received=200, lost=0, repeated=0, disordered=0, p50_ms=10, p99_ms=40,
    max_ms=50, early_p50_ms=10, late_p50_ms=11, usage={},
)  # fmt: skip


def but(**fields: object) -> Trial:
    return Trial(**{**GOOD.__dict__, **fields})


class Played:
    """Sustains a rate; above it, latency grows with the excess (or messages are lost)."""

    def __init__(self, capacity: float, *, loses: bool = False, noise: float = 0.0) -> None:
        self.capacity, self.loses, self.noise = capacity, loses, noise
        self.rates: list[float] = []
        self._chance = random.Random(1)

    def __call__(self, rate: float) -> Trial:
        self.rates.append(rate)
        excess = rate / (self.capacity * (1 + self._chance.uniform(-self.noise, self.noise))) - 1
        fields = {"rate": rate, "sent": round(rate * 2)}
        if excess <= 0:
            return but(**fields)
        late_ms = 10 + excess * 3000
        return (
            but(**fields, lost=int(excess * 100) + 1)
            if self.loses
            else but(**fields, p99_ms=late_ms, late_p50_ms=late_ms)
        )


@given(st.floats(30, 50_000), st.booleans())
def test_it_finds_what_is_sustained_from_below(capacity: float, loses: bool) -> None:
    played = Played(capacity, loses=loses)
    found = highest(played, 500)
    assert capacity / 1.1 <= found <= capacity * 1.02  # an excess of 2 % does not show in so short a trial
    assert len(played.rates) <= 24


@given(st.floats(0.9, 1.1))
def test_from_a_good_guess_it_takes_few_trials(guess: float) -> None:
    played = Played(10_000)
    found = highest(played, guess * 10_000, step=1.08, resolution=0.08)
    assert 10_000 / 1.09 <= found <= 10_200
    assert len(played.rates) <= 8


def test_chance_alone_does_not_end_it_far_below() -> None:
    assert highest(Played(8_000, noise=0.05), 500) > 7_000


def test_what_goes_at_no_rate_is_nought() -> None:
    assert highest(Played(0.001), 500) == 0.0


def test_what_never_fails_ends_too() -> None:
    assert highest(Played(1e9), 500) > 100_000


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (GOOD, ""),
        (but(seconds=2.2), "only 91 of 100"),
        (but(lost=1), "1 messages lost"),
        (but(p99_ms=250.1), "p99 250 ms"),
        (but(p99_ms=100, late_p50_ms=60), "p50 from 10 to 60 ms"),
        (but(p99_ms=100, early_p50_ms=60, late_p50_ms=70), ""),
    ],
)
def test_what_a_trial_must_show(trial: Trial, words: str) -> None:
    assert trial.problem.startswith(words)
    assert bool(trial.problem) == bool(words)


def test_figures_tell_cpu_without_the_tools() -> None:
    usage = {"web": Usage(0.001, 10), "generator": Usage(5, 10)}
    assert but(usage=usage).figures()["cpu_us_per_message"] == pytest.approx(5)
    assert "cpu_us_per_message" not in GOOD.figures()
    assert GOOD.figures()["messages_per_s"] == 100
