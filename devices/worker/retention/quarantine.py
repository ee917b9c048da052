"""What retention removes of the quarantine by size: of all, of each site, of each device or source."""

from collections import Counter
from typing import Final

from django.db.models.functions import Length

from devices.models import Quarantined
from devices.worker.retention.purges import LOOK_PAUSE_S, ours, remove_some
from devices.worker.retention.scope import Scope

COUNTED_ROWS: Final = 2_000  # at a time
ENTRY_BYTES: Final = 512  # what a quarantined message takes besides its payload
DEVICE_PART, LEAST_DEVICE_BYTES = 16, 1024 * 1024  # a device may have a sixteenth of all, or a MiB
SITE_PART, LEAST_SITE_BYTES = 2, 16 * 1024 * 1024


class LargeQuarantine:
    """Quarantined messages beyond the size of all that is kept, or beyond their device's or site's part of it.

    The oldest go first: nobody's rubbish takes the place of others'.

    Sizes are added up from the newest entry on, a part at a time, until they are too much: what is older goes. Every
    worker counts all entries and removes those of its own shards.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._bytes = 0
        self._of_owners: Counter[int | str] = Counter()  # devices by primary key, sources by key
        self._of_sites: Counter[str] = Counter()
        self._counted: int | None = None  # primary key of the oldest entry counted
        self._beyond: list[int] = []  # primary keys of those beyond their device's or site's part
        self._too_much: int | None = None  # that and what is older goes

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        if self._beyond:
            some, self._beyond = self._beyond[:limit], self._beyond[limit:]
            remove_some(ours(Quarantined.objects.filter(pk__in=some).order_by("pk"), scope), scope, limit)
            return 0
        if self._too_much is None and not self._count(scope.quarantine_bytes):
            return 0
        pause_s = LOOK_PAUSE_S
        if self._too_much is not None:
            old = Quarantined.objects.filter(pk__lte=self._too_much).order_by("pk")
            pause_s = 0 if remove_some(ours(old, scope), scope, limit) else LOOK_PAUSE_S
        if pause_s and not self._beyond:
            self._begin()
        return pause_s if not self._beyond else 0

    def _count(self, limit_bytes: int) -> bool:
        """Add up some more. False: there are others."""
        columns = ("pk", "device_id", "device__site__name", "source", "site", Length("payload"))
        rows = Quarantined.objects.order_by("-pk").values_list(*columns)
        if self._counted is not None:
            rows = rows.filter(pk__lt=self._counted)
        found = list(rows[:COUNTED_ROWS])
        for pk, device, site, source, source_site, payload_bytes in found:
            self._counted, size = pk, payload_bytes + ENTRY_BYTES
            if self._is_beyond(device or source, site or source_site, size, limit_bytes):
                self._beyond.append(pk)
                continue
            self._bytes += size
            if self._bytes > limit_bytes:
                self._too_much = pk
                return True
        return len(found) < COUNTED_ROWS

    def _is_beyond(self, owner: int | str, site: str, size: int, limit_bytes: int) -> bool:
        """Whether an entry is more than its device or source, or its site, may have; if not, it counts for them."""
        if self._of_owners[owner] + size > max(limit_bytes // DEVICE_PART, LEAST_DEVICE_BYTES):
            return True
        if self._of_sites[site] + size > max(limit_bytes // SITE_PART, LEAST_SITE_BYTES):
            return True
        self._of_owners[owner] += size
        self._of_sites[site] += size
        return False
