"""The app's handlers. Of the load's readings and events (tests/faults/load.py) each has its number as ``n``."""

import os
import time
from collections.abc import Sequence

import httpx

from causeway import Event, Reading, on
from causeway.handlers import Tx
from runtime.database_clock import unix_ms
from tests.apps.witness.models import Seen, Trouble
from tests.apps.witness.wanted import is_called, is_commanded

_HANGS_S = 600


@on(Reading, site="fleet", timeout_s=3)
def write(readings: Sequence[Reading], tx: Tx) -> None:
    """Take down each reading once, in order; do wrong where it is told to."""
    wrong = dict(Trouble.objects.values_list("device", "kind"))
    for one in readings:
        _misbehave(wrong.get(one.device))
    now_ms = unix_ms()
    Seen.objects.bulk_create(
        Seen(device=one.device, rev=one.rev, late_ms=now_ms - round(one.received_at.timestamp() * 1000))
        for one in readings
    )


def _misbehave(how: str | None) -> None:
    if how == "raise":
        raise ValueError("told to")
    if how == "hang":
        time.sleep(_HANGS_S)


@on(Event, site="fleet")
def send(events: Sequence[Event], tx: Tx) -> None:
    """A command for some of the events."""
    for one in events:
        if is_commanded(one.data.get("n", -1)):
            tx.command(one.device, "note", {"rev": one.rev}, key=one.key, ttl_s=5)


@on(Reading, site="fleet", metric="n")
def call(readings: Sequence[Reading], tx: Tx) -> None:
    """Have a server called for some of the readings."""
    for one in readings:
        if is_called(one.value):
            tx.later(post, one.key)


async def post(key: str) -> None:
    """Call it; it says no, hangs up or is slow now and then."""
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        answer = await client.post(os.environ["WITNESS_URL"], content=key)
    answer.raise_for_status()
