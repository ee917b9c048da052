"""The app's handler, and the task that it has done later."""

import json
import os
from collections.abc import Sequence
from typing import Final
from urllib.request import Request, urlopen

from causeway import Presence, on
from causeway.handlers import Tx

GONE: Final = ("offline", "stale")
LIMIT_S: Final = 10.0


@on(Presence)
def notify(changes: Sequence[Presence], tx: Tx) -> None:
    """Have it said once that a device is gone, and once that it is back."""
    for change in changes:
        kept = tx.state(change.device)
        if change.status in GONE and not kept.get("is_told"):
            tx.later(say, f"{change.device} is {change.status}: {change.why}", change.key)
            kept["is_told"] = True
        elif change.status == "online" and kept.pop("is_told", False):
            tx.later(say, f"{change.device} is back", change.key)


def say(text: str, key: str) -> None:
    """Post it to an incoming webhook, as Slack, Mattermost and others have them.

    Raises:
        OSError: it was not taken; it is tried again later, with the same key.
    """
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    with urlopen(Request(os.environ["NOTIFIER_URL"], body, headers), timeout=LIMIT_S):
        pass
