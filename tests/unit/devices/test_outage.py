"""An outage is logged once when it starts and once when it ends."""

import pytest
import structlog
from structlog.testing import capture_logs

from devices.outage import Outage


def test_once_each() -> None:
    outage = Outage(structlog.get_logger(), "database")
    with capture_logs() as lines:
        outage.ends()
        outage.begins("connection refused\nIs it running?")
        outage.begins("again")
        outage.ends()
        outage.ends()
        outage.begins("")
    assert [line["event"] for line in lines] == ["database down", "database up again", "database down"]
    assert (lines[0]["reason"], lines[2]["reason"]) == ("connection refused", "unknown")
    assert lines[1]["after_s"] == pytest.approx(0, abs=5)
