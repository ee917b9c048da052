"""What the parts of one gateway process share while it has its name."""

import structlog

from bridge.dialects.refusals.rejections import Rejections
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.storage import Former
from mqtt_gateway.rules.broker_statistics import BrokerStatistics
from mqtt_gateway.rules.canary import Canary
from mqtt_gateway.rules.counters import Counters
from mqtt_gateway.rules.dynamic_filters import NO_FILTERS
from mqtt_gateway.rules.filter_owners import FilterOwners
from mqtt_gateway.rules.incident_reports import Report, Reports
from mqtt_gateway.rules.markers import Markers
from mqtt_gateway.rules.refetches import Refetches
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)


class State:
    """It begins with what the process before it left.

    Args:
        options: which broker.
        former: None: there was none.
    """

    def __init__(self, options: GatewayOptions, former: Former | None = None) -> None:
        former = former or Former()
        self.counters = Counters.load(former.counters)
        self.markers = Markers(min(former.drained_ms, unix_ms()))  # later: by a clock that was set back since
        self.broker_statistics = BrokerStatistics(options.broker, former.counters.get("broker"))
        self.canary = Canary(former.counters.get("canary", ()))
        self.reports = Reports()
        self.rejections = Rejections()
        self.dynamic = NO_FILTERS  # what sources want
        self.owners = FilterOwners()
        self.refetches = Refetches()
        self.switch = former.switch.encode()  # the marker that must come first; b"": none
        self.thefts = 0  # so often another client had our session
        self.alive_ms = former.alive_ms  # Unix ms; when a session with the broker was last known
        self.written = self.counters.copy()  # as the row has them

    def inherit(self, earlier: "State") -> None:
        """What this process counted and could not write before it lost the name to another, is not forgotten."""
        self.counters.add(earlier.counters.since(earlier.written))
        for report in earlier.reports.take():
            self.reports.add(report)
        for one in earlier.rejections.take():
            self.rejections.put(one)

    def sure_until_ms(self, now_ms: int) -> int:
        """Unix ms; what the broker had before is known to be committed."""
        return min(self.markers.drained_ms or self.alive_ms or now_ms, now_ms)

    def session_lost(self, now_ms: int, broker: str) -> Report:
        """The broker has forgotten us: what it had for us is gone, and what it got since."""
        return Report("session_lost", self.sure_until_ms(now_ms), now_ms, detail=broker)

    def session_taken(self, since_ms: int, now_ms: int, reason: str) -> None:
        """Another client has had our session: what it confirmed since then is gone."""
        log.warning("another client has had our session: messages may be missing", since_ms=since_ms, reason=reason)
        self.thefts += 1
        self.reports.add(Report("session_taken", since_ms, now_ms, detail=reason))
