"""One life of a device, step by step: its twin, and what a worker would store and broadcast of it."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from bridge.dialects.native.payloads import decode
from bridge.messages import Delta, EventRecorded
from devices.rules.clocks import AHEAD_MS
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.requested import remove_metric, set_desired, set_tags
from devices.rules.stream import StreamEvent, StreamReading, replay
from devices.rules.twin import TwinState

NOW = 1_600_000_000_005
DAY_MS = 86_400_000


@dataclass
class TwinHistory:
    """A device's twin with all readings and events."""

    device: str
    twin: TwinState
    most: int = 200  # metrics
    readings: list[StreamReading] = field(default_factory=list)
    events: list[StreamEvent] = field(default_factory=list)

    def step(self, step: Any) -> None:
        """Let something happen, not committed yet."""
        match step:
            case ("message" | "ahead") as when, (kind, payload), retain:
                decoded = decode(kind, "pressed", msgspec.json.encode(payload))
                now = NOW if when == "message" else NOW + DAY_MS  # the clock was set, and is set back
                arrival = Arrival(now, retain, latest_ms=now + AHEAD_MS)
                outcome = reduce(self.twin, decoded, arrival, Limits(self.most, 3))
                self.readings += [StreamReading(r.rev, r.ts, r.metrics, r.clamped) for r in outcome.readings]
                self.events += [StreamEvent(e.rev, e.name, e.data, e.ts) for e in outcome.events]
            case "desired", patch:
                set_desired(self.twin, patch, None)
            case "tags", tags:
                set_tags(self.twin, tags)
            case "remove", name:
                remove_metric(self.twin, name)

    def since(self, rev: int) -> list[Delta | EventRecorded]:
        """What a worker would broadcast."""
        readings = [reading for reading in self.readings if reading.rev > rev]
        return list(replay(self.device, self.twin, rev, readings, [one for one in self.events if one.rev > rev]))
