"""Two checkouts side by side."""

from bench.measure.results import OURS, Measured, Usage, summarise
from bench.report.comparison import comparison

THERE = f"{OURS} (base)"


def measured(cpu_us: float, p50_ms: float, lost: int = 0) -> Measured:
    usage = {"gateway": Usage(cpu_us / 4, 60.0), "workers": Usage(3 * cpu_us / 4, 160.0), "recorder": Usage(9.0, 1.0)}
    return Measured({"cpu_us_per_message": cpu_us, "p50_ms": p50_ms, "lost": lost}, usage)


def test_here_is_set_against_there_round_by_round() -> None:
    rounds = {
        OURS: [measured(1000, 4), measured(1200, 5), measured(900, 6)],
        THERE: [measured(4000, 5), measured(4000, 5, 1), measured(4500, 8)],
    }
    better = {"cpu_us_per_message": "lower", "p50_ms": "lower"}
    one = {"better": better, "installations": summarise(rounds)}
    told = comparison({"scenarios": {"rates/200": one}}, THERE)
    assert "| rates/200: CPU per message, µs | 4,000 | 1,000 | 0.250 (0.20–0.30) |" in told
    assert "| rates/200: p50, ms | 5 | 5 | 0.800 (0.75–1.00) |" in told
    assert "| rates/200: messages lost | 0 | 0 |  |" in told
    assert "| CPU, µs, there → here | all | gateway | workers |" in told
    assert "| rates/200, a message | 4000 → 1000 | 1000 → 250 | 3000 → 750 |" in told


def test_one_that_failed_is_told() -> None:
    one = {"better": {}, "installations": summarise({OURS: [measured(1, 1)]}), "failed": {THERE: "it broke"}}
    assert "Causeway (base) failed at `start`: it broke." in comparison({"scenarios": {"start": one}}, THERE)
