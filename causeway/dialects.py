"""What a dialect of an app's own is made of: the interface, and what its messages may say. Pure.

``register_dialect(name, factory)`` adds it; docs/extending.md says how.
"""

from bridge.dialects.dialect import (
    OWN_DOWNLINK,
    Command,
    Dialect,
    OwnDownlink,
    Publication,
    Reading,
    RejectedTopic,
    Route,
    Said,
    Sorted,
)
from bridge.messages import Delivery
from bridge.names import is_device_key, is_name
from bridge.observations import (
    Cleared,
    CommandAck,
    Decoded,
    EventReported,
    Malformed,
    Note,
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)

__all__ = [
    "OWN_DOWNLINK",
    "Cleared",
    "Command",
    "CommandAck",
    "Decoded",
    "Delivery",
    "Dialect",
    "EventReported",
    "Malformed",
    "Note",
    "OwnDownlink",
    "Publication",
    "RawReading",
    "Reading",
    "RejectedTopic",
    "Route",
    "Said",
    "Sorted",
    "StatePatch",
    "StatusReported",
    "Telemetry",
    "is_device_key",
    "is_name",
]
