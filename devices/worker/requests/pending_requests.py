"""Stored requests (devices.models.Request): found, held, settled, answered. What they do is in requests.py."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from bridge.messages import RequestSettled, RequestStored
from devices.models import Request
from runtime.databases.statements import Statement

ROUND_LIMIT: Final = 200  # so many are carried out in one transaction; the others in the next
MAX_TOLD_BYTES: Final = 16 * 1024  # of a result in an answer; what is larger is read from its row

_PENDING: Final = Statement(
    "SELECT id FROM devices_request WHERE status = 'pending' AND hash %% %s {among} ORDER BY id LIMIT %s"
)


class PendingRequests:
    """The pending requests of the shards that we own, and who waits for them.

    Args:
        of: how many shards there are.
    """

    def __init__(self, of: int) -> None:
        self._of = of
        self._askers: dict[int, str] = {}  # reply channels by request; none that is not pending stays after answers()
        self._pending: list[int] | None = None  # what the latest look found; None: there was no reason to look
        self.more = False  # some are left for the next round, which is due at once

    def find(self, nudges: Iterable[RequestStored], shards: Collection[int], *, sweep: bool) -> list[int]:
        """The oldest pending requests by id, if there is reason to look; nudges are remembered for the answer."""
        nudged = {nudge.request_id: nudge.reply_to for nudge in nudges}
        self._askers |= nudged
        looks = bool(nudged) or sweep or self.more
        self._pending = pending(shards, self._of) if looks else None
        return self._pending or []

    def answers(self, settled: Mapping[int, Any]) -> Iterator[tuple[str, RequestSettled]]:
        """Tell those whose requests are settled now, or were found not to be pending: the row says the rest."""
        still = set(self._pending or ()) - set(settled)
        full = len(self._pending or ()) >= ROUND_LIMIT
        self.more = full or bool(still)
        complete = self._pending is not None and not full
        for pk in list(self._askers):
            if not (pk in settled or (complete and pk not in still)):
                continue
            if reply_to := self._askers.pop(pk):
                yield reply_to, RequestSettled(pk, _told(settled[pk]) if pk in settled else b"")


def _told(result: Any) -> bytes:
    encoded = _encoded(result)
    return encoded if len(encoded) <= MAX_TOLD_BYTES else b""


def _encoded(result: Any) -> bytes:
    return result if isinstance(result, bytes) else msgspec.json.encode(result)


def pending(shards: Collection[int], of: int) -> list[int]:
    """The oldest requests that wait for these of ``of`` shards, by id. Reads an index of pending ones only."""
    return [pk for (pk,) in _PENDING.rows(of, list(shards), ROUND_LIMIT)]


def held(ids: Iterable[int]) -> list[Request]:
    """Those that are still pending, oldest first; nobody can withdraw them until the commit."""
    rows = Request.objects.select_for_update().filter(pk__in=list(ids), status=Request.Status.PENDING)
    return list(rows.order_by("pk"))


def settle(results: Mapping[int, Any]) -> None:
    """Store the results (by id) of held requests."""
    alike: dict[str, list[int]] = {}
    for pk, result in results.items():
        alike.setdefault(_encoded(result).decode(), []).append(pk)
    for text, pks in alike.items():
        rows = Request.objects.filter(pk__in=pks, status=Request.Status.PENDING)
        rows.update(status=Request.Status.SETTLED, result=text.encode())
