"""A client of the WebSocket for programs and tests: docs/python-client.md, docs/websocket.md.

Pure, no I/O and no clock     changes, errors, stream (the stream rule), acks, backoff, sendable
On asyncio and websockets     connection, line, requests, following (one subscription), attendance, client
For programs without asyncio  blocking (the same in a thread)

Never: Django, settings, anything else of Causeway. The folder stands by itself and may be copied. Frames come in,
changes go out to whoever iterates; nothing is acknowledged before it was handled, so a slow program slows the server.
"""

from .attendance import Attending, Person
from .backoff import Backoff
from .blocking import BlockingAttending, BlockingClient, BlockingFollowing
from .changes import (
    Alert,
    Change,
    Command,
    Complete,
    Delta,
    Event,
    Gone,
    Link,
    Outage,
    Refused,
    Resumed,
    Snapshot,
    State,
)
from .client import Client
from .errors import ClientError, RequestError, StreamBrokenError, TurnedAwayError
from .following import Following
from .stream import Stream, merge_patch

__version__ = "1.0.0"  # also of the JavaScript client; the first number is the protocol's: /ws/v1/

__all__ = [
    "Alert",
    "Attending",
    "Backoff",
    "BlockingAttending",
    "BlockingClient",
    "BlockingFollowing",
    "Change",
    "Client",
    "ClientError",
    "Command",
    "Complete",
    "Delta",
    "Event",
    "Following",
    "Gone",
    "Link",
    "Outage",
    "Person",
    "Refused",
    "RequestError",
    "Resumed",
    "Snapshot",
    "State",
    "Stream",
    "StreamBrokenError",
    "TurnedAwayError",
    "merge_patch",
]
