"""What the parts of one gateway process share while it has its client id."""

from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.storage import Former
from mqtt_gateway.rules.broker_statistics import BrokerStatistics
from mqtt_gateway.rules.counters import Counters
from mqtt_gateway.rules.incident_reports import Report, Reports
from mqtt_gateway.rules.markers import Markers


class State:
    """It begins with what the process before it left.

    Args:
        options: which broker.
        former: None: there was none.
    """

    def __init__(self, options: GatewayOptions, former: Former | None = None) -> None:
        former = former or Former()
        self.counters = Counters.load(former.counters)
        self.markers = Markers(former.drained_ms)
        self.broker_statistics = BrokerStatistics(options.broker, former.counters.get("broker"))
        self.reports = Reports()
        self.alive_ms = former.alive_ms  # Unix ms; when a session with the broker was last known
        self.written = self.counters.copy()  # as the row has them

    def inherit(self, earlier: "State") -> None:
        """What this process counted and could not write before it lost the client id to another, is not forgotten."""
        self.counters.add(earlier.counters.since(earlier.written))
        for report in earlier.reports.take():
            self.reports.add(report)

    def session_lost(self, now_ms: int, broker: str) -> Report:
        """The broker has forgotten us: what it had for us is gone, and what it got since."""
        since_ms = self.markers.drained_ms or self.alive_ms or now_ms
        return Report("session_lost", min(since_ms, now_ms), now_ms, detail=broker)
