"""Where a browser would listen, and what it would be told there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["causeway", "plain", "mqtt"]
"""What the recorder reads from the WebSocket (bench/programs/recorder.py):

- causeway: docs/websocket.md;
- plain: a text frame a message, ``{"device": "bench/d0", "payload": {"n": …, "t": …, …}}``;
- mqtt: MQTT 3.1.1 in binary frames, as Mosquitto's WebSocket listener speaks it; ``first`` is the topic filter.
"""


@dataclass(frozen=True)
class Endpoint:
    """Where a browser would listen."""

    url: str
    """``ws://127.0.0.1:…/…``"""
    headers: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    """What to send first, to be told everything; "": nothing."""
    dialect: Dialect = "causeway"
    patience_s: float = 3.0
    """Nothing has come for so long: what is missing will not come."""
