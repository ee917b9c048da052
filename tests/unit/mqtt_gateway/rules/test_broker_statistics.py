"""What a broker's figures say, without a broker."""

from mqtt_gateway.rules.broker_statistics import DROPPED_TOPIC, STORED_TOPIC, BrokerStatistics
from mqtt_gateway.rules.incident_reports import Report

UPTIME = "$SYS/broker/uptime"


def dropped(news: BrokerStatistics, number: int, at_ms: int) -> tuple[int, int, int] | None:
    """Since, until and count of the incident."""
    report = news.told(DROPPED_TOPIC, b"%d" % number, at_ms)
    return (report.since_ms, report.until_ms, report.count) if report else None


def test_the_first_figure_is_where_we_begin() -> None:
    assert dropped(BrokerStatistics("h:1"), 500, 10_000) is None


def test_an_increase_is_an_incident_since_it_was_last_looked_at() -> None:
    news = BrokerStatistics("h:1")
    dropped(news, 5, 10_000)
    news.told(UPTIME, b"100 seconds", 20_000)
    news.told(UPTIME, b"110 seconds", 30_000)
    news.told(UPTIME, b"120 seconds", 40_000)
    assert dropped(news, 7, 40_005) == (30_000, 40_005, 2)
    assert dropped(news, 7, 50_000) is None


def test_a_broker_that_starts_anew_counts_from_nought() -> None:
    news = BrokerStatistics("h:1")
    dropped(news, 500, 10_000)
    assert dropped(news, 0, 20_000) is None
    dropped(news, 500, 30_000)
    assert dropped(news, 3, 40_000) == (30_000, 40_000, 3)


def test_what_was_dropped_while_we_were_away_is_told() -> None:
    before = BrokerStatistics("h:1")
    dropped(before, 5, 10_000)
    assert dropped(BrokerStatistics("h:1", before.dump()), 9, 90_000) == (10_000, 90_000, 4)
    assert dropped(BrokerStatistics("other:1", before.dump()), 9, 90_000) is None, "another broker"


def test_the_store() -> None:
    news = BrokerStatistics("h:1")
    news.told(STORED_TOPIC, b"17", 1_000)
    assert news.dump()["stored"] == 17
    news.gone()
    assert news.dump()["stored"] is None


def test_nonsense_is_passed_over() -> None:
    news = BrokerStatistics("h:1")
    for payload in (b"", b"-1", b"many", b"1.5", "²".encode(), b"\xff"):
        assert news.told(DROPPED_TOPIC, payload, 1_000) is None
        assert news.told(STORED_TOPIC, payload, 1_000) is None
    assert news.dump()["dropped"] is None


def test_it_says_which_broker_and_of_whom() -> None:
    news = BrokerStatistics("h:1")
    dropped(news, 0, 10_000)
    report = news.told(DROPPED_TOPIC, b"8", 20_000)
    assert report == Report("broker_dropped", 10_000, 20_000, 8, "h:1, of all its clients' queues; 8 since it started")
