"""One life of a device, step by step: its twin, and what a worker would store and broadcast of it."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import strategies as st

from bridge.dialects.native.payloads import decode
from bridge.messages import Delta, EventRecorded
from devices.rules.clocks import AHEAD_MS
from devices.rules.described import descriptions
from devices.rules.described.descriptions import Kept
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.requested import remove_metric, set_desired, set_tags
from devices.rules.stream import StreamEvent, StreamReading, replay
from devices.rules.twin import TwinState

NOW = 1_600_000_000_005
DAY_MS = 86_400_000


_labels = st.sampled_from(["a", "b"])
_properties = st.lists(
    st.fixed_dictionaries({"metric": st.sampled_from(["t", "h"])}, optional={"label": _labels, "unit": _labels}),
    unique_by=lambda one: one["metric"],
    max_size=2,
)
words = st.fixed_dictionaries(
    {}, optional={"name": _labels, "model": _labels, "stale_after_s": st.just("never"), "properties": _properties}
)
descriptions_said = st.one_of(
    st.tuples(
        st.just("describe"),
        st.just("person"),
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.none() | _labels,
                "serial": st.none() | _labels,
                "properties": st.none() | _properties,
            },
        ),
    ),
    st.tuples(st.just("describe"), st.just("device"), words, st.booleans()),
    st.tuples(st.just("describe"), st.just("dialect"), words),
)
"""Steps in which somebody says what the device is."""


@dataclass
class TwinHistory:
    """A device's twin with all readings and events."""

    device: str
    twin: TwinState
    most: int = 200  # metrics
    readings: list[StreamReading] = field(default_factory=list)
    events: list[StreamEvent] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)

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
            case "describe", "person", words:
                descriptions.put(self.kept, words, self.twin)
            case "describe", "device", words, live:
                descriptions.device_said(self.kept, words, self.twin, live=live)
            case "describe", "dialect", words:
                descriptions.dialect_said(self.kept, words, self.twin)

    def since(self, rev: int) -> list[Delta | EventRecorded]:
        """What a worker would broadcast."""
        readings = [reading for reading in self.readings if reading.rev > rev]
        return list(
            replay(self.device, self.twin, rev, readings, [one for one in self.events if one.rev > rev], self.kept)
        )
