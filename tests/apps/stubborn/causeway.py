"""The app's handler."""

import time
from collections.abc import Sequence

from causeway import Event, on
from causeway.handlers import Tx


@on(Event, timeout_s=1)
def follow(events: Sequence[Event], tx: Tx) -> None:
    """Keep the names of all events of a device; hang at the one named ``hang``."""
    for event in events:
        if event.name == "hang":
            time.sleep(600)
        tx.state(event.device).setdefault("events", []).append(event.name)
