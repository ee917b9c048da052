"""What a worker keeps in memory of a shard that it owns.

Touched in the database thread only, and thrown away after any transaction that failed or may have failed.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db.models import F, TextField
from django.db.models.expressions import ExpressionWrapper
from msgspec import Struct, json

from bridge.link import Cursor
from bridge.redelivery import DeliveryHistory
from devices.models import Twin
from devices.rules.twin import Presence, TwinState, Unconfirmed, decode, ungrouped, upgraded
from devices.worker.memory.described import Described
from devices.worker.rules.outbox import Outbox
from devices.worker.rules.watchlist import PresenceWatchlist

# Twin.doc as the text that it is: devices.rules.twin decodes it, once and straight into its classes.
DOC_TEXT: Final = ExpressionWrapper(F("doc"), output_field=TextField())
DESCRIPTION_TEXT: Final = ExpressionWrapper(F("device__description__doc"), output_field=TextField(null=True))


class _Head(Struct):
    """The few fields of a stored twin that tell whether there is anything to watch or to do. The others are skipped."""

    desired_version: int = 0
    desired_published: str = ""
    presence: Presence = Presence()
    last_seen_ms: int = 0
    unconfirmed: Unconfirmed | None = None
    former: Presence | None = None
    gateway: str = ""
    dialect: str = ""
    http: bool = False
    tags: list[str] = []


_head = json.Decoder(_Head).decode


class Member:
    """A device of the shard. Between the rounds its twin is kept as the JSON that is stored.

    Decoded it takes four times as much memory, in many objects that the garbage collector goes through; to decode it
    takes 2 µs.
    """

    __slots__ = ("_doc", "_twin", "calculated", "described", "id", "key", "stale_after_s")

    def __init__(
        self, device_id: int, key: str, stale_after_s: int | None, doc: bytes, description: str | None = None
    ) -> None:
        self.id, self.key, self.stale_after_s = device_id, key, stale_after_s
        self.described = Described(description.encode()) if description else None  # None: nobody has said what it is
        self.calculated: frozenset[str] = frozenset()  # metrics that the device may not send: Causeway calculates them
        self._doc = doc
        self._twin: TwinState | None = None

    @property
    def twin(self) -> TwinState:
        """Its state, which the caller may change by devices.rules; to be stored before the round ends."""
        if self._twin is None:
            self._twin = decode(self._doc)
            if self._twin.groups:
                ungrouped(self._twin)
        return self._twin

    @contextmanager
    def glanced_at(self) -> Iterator[TwinState]:
        """Its state, to look at between the rounds; it is not kept decoded for that."""
        was_read = self._twin is not None
        yield self.twin
        if not was_read:
            self.fold()

    @property
    def doc(self) -> bytes:
        """Its state as it is stored."""
        return self._doc

    @property
    def known(self) -> TwinState | _Head:
        """Its state, or the few fields of it that can be told without decoding the twin. To look at only."""
        return self._twin or _head(self._doc)

    @property
    def uses_desired(self) -> bool:
        """Whether anything was ever desired of it, or published as desired; told without decoding the twin."""
        known = self.known
        return bool(known.desired_version or known.desired_published)

    def stored(self, doc: bytes) -> None:
        """The present transaction stores its state as this."""
        self._doc = doc

    def fold(self) -> None:
        """The transaction is committed: what it stored is all that is kept."""
        self._twin = None
        if self.described:
            self.described.fold()

    def reload(self) -> None:
        """Take its state and settings from the database, as the present transaction sees them. One query."""
        rows = Twin.objects.annotate(text=DOC_TEXT, described=DESCRIPTION_TEXT)
        doc, self.stale_after_s, description = rows.values_list("text", "device__stale_after_s", "described").get(
            pk=self.id
        )
        self._doc, self._twin = upgraded(doc).encode(), None
        self.described = Described(description.encode()) if description else None


class Shard:
    """A shard as its owner knows it.

    Args:
        number: from 0.
        generation: of the ownership; a writing transaction checks it.
        commit: number of the last broadcast transaction.
        owned_since_ms: Unix ms.
        default_gateway: MQTT client id.
    """

    def __init__(self, number: int, generation: int, commit: int, owned_since_ms: int, default_gateway: str) -> None:
        self.number, self.generation, self.commit, self.owned_since_ms = number, generation, commit, owned_since_ms
        self._default_gateway = default_gateway
        self.members: dict[str, Member] = {}
        self.cursors: dict[str, Cursor] = {}  # by gateway
        self.histories: dict[str, DeliveryHistory] = {}  # by gateway, once it has spoken; of its broker's session
        self.counts: Counter[tuple[str, str]] = Counter()  # the ledger, by outcome and reason, for ever
        self.outbox = Outbox()
        self.watch = PresenceWatchlist()
        self.blocked: set[str] = set()  # keys under which nobody may publish
        self.kept: dict[str, Any] = {}  # what features keep of it besides, by name

    @property
    def gateway(self) -> str:
        """Whom to try for a device of which nothing is known: the only gateway ever heard, or the default one."""
        return next(iter(self.cursors)) if len(self.cursors) == 1 else self._default_gateway
