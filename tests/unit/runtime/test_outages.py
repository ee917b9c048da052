from typing import Any

from runtime.outages import Outage, SampledLog


class Log:
    """Keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, /, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


def test_an_outage_is_told_once_at_each_end() -> None:
    log, now = Log(), [100.0]
    outage = Outage(log, "database", lambda: now[0])
    outage.ends()
    first = outage.begins("connection refused\nIs it running?")
    now[0] += 2.5
    again, lasted = outage.begins("again"), outage.lasts
    outage.ends()
    outage.ends()
    over = not outage.lasts
    third = outage.begins(TimeoutError())
    assert (first, again, lasted, over, third) == (True, False, True, True, True)
    assert log.lines == [
        {"event": "database down", "reason": "connection refused"},
        {"event": "database up again", "after_s": 2.5},
        {"event": "database down", "reason": "TimeoutError"},
    ]


def test_what_was_begun_before_an_outage_does_not_end_it() -> None:
    log, now = Log(), [100.0]
    outage = Outage(log, "channel layer", lambda: now[0])
    before = outage.ends(asked_s=99.0)
    outage.begins("connection closed")
    late = outage.ends(asked_s=99.0)
    now[0] += 2
    assert (before, late, outage.ends(asked_s=101.0), outage.lasts) == (True, False, True, False)
    assert [line["event"] for line in log.lines] == ["channel layer down", "channel layer up again"]


def test_what_was_begun_before_the_end_of_an_outage_does_not_begin_another() -> None:
    log, now = Log(), [100.0]
    outage = Outage(log, "channel layer", lambda: now[0])
    outage.begins("connection closed", asked_s=99.0)
    now[0] += 2
    outage.ends(asked_s=101.0)
    late = outage.begins("no answer within 3 s", asked_s=101.5)  # one that has hung since
    assert (late, outage.lasts) == (False, False)
    assert outage.begins("no answer within 3 s", asked_s=102.0)
    assert [line["event"] for line in log.lines] == [f"channel layer {event}" for event in ("down", "up again", "down")]


def test_a_failure_that_is_news_is_logged_during_an_outage_once() -> None:
    log = Log()
    outage = Outage(log, "broker link", lambda: 0.0, broker="b:1883")
    logged = [
        outage.begins("connection lost"),
        outage.begins("no answer"),
        outage.begins("bad password", is_news=True),
        outage.begins("bad password", is_news=True),
        outage.begins("no answer"),
    ]
    assert logged == [True, False, True, False, False]
    assert log.lines == [
        {"event": "broker link down", "reason": "connection lost", "broker": "b:1883"},
        {"event": "broker link down", "reason": "bad password", "broker": "b:1883"},
    ]


def test_an_end_that_somebody_else_logs() -> None:
    log, now = Log(), [100.0]
    outage = Outage(log, "broker link", lambda: now[0])
    before = outage.clear()
    outage.begins("connection lost")
    now[0] += 2.51
    assert (before, outage.clear(), outage.clear(), outage.lasts) == (0.0, 2.5, 0.0, False)
    assert len(log.lines) == 1


def test_one_line_a_reason_and_minute_with_the_number_since() -> None:
    log, now = Log(), [1000.0]
    samples = SampledLog(log, "rejected topic", lambda: now[0])
    for number in range(5):
        samples.add("bad_name", f"t{number}")
    samples.add("odd_levels", "other")
    now[0] += 61
    samples.add("bad_name", "t5")
    assert [(line["reason"], line["example"], line["count"]) for line in log.lines] == [
        ("bad_name", "t0", 1),
        ("odd_levels", "other", 1),
        ("bad_name", "t5", 5),
    ]


def test_an_example_cannot_play_with_the_terminal() -> None:
    log = Log()
    SampledLog(log, "e", lambda: 0.0).add("r", "\x1b[2J" + "x" * 1000)
    example = log.lines[0]["example"]
    assert example.startswith("\\x1b[2Jx")
    assert len(example) < 250
