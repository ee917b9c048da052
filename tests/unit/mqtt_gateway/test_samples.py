"""What may happen thousands of times is logged once a minute."""

import pytest
from structlog.testing import CapturingLogger

from mqtt_gateway.samples import Samples


def test_one_line_a_reason_and_minute_with_the_number_since(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("mqtt_gateway.samples.time.monotonic", lambda: now[0])
    log = CapturingLogger()
    samples = Samples(log, "rejected topic")
    for number in range(5):
        samples.add("bad_name", f"t{number}")
    samples.add("odd_levels", "other")
    now[0] += 61
    samples.add("bad_name", "t5")
    assert [(call.kwargs["reason"], call.kwargs["example"], call.kwargs["count"]) for call in log.calls] == [
        ("bad_name", "t0", 1),
        ("odd_levels", "other", 1),
        ("bad_name", "t5", 5),
    ]


def test_an_example_cannot_play_with_the_terminal() -> None:
    log = CapturingLogger()
    Samples(log, "e").add("r", "\x1b[2J" + "x" * 1000)
    example = log.calls[0].kwargs["example"]
    assert example.startswith("\\x1b[2Jx")
    assert len(example) < 250
