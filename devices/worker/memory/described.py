"""What a worker keeps of what a device is said to be, between the rounds as the JSON that is stored."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import json

from bridge.dialects.forms.description_words import NEVER
from devices.rules.described import descriptions
from devices.rules.described.descriptions import Kept
from devices.rules.described.values import Expected, expectations
from devices.worker.rules.ways import Manner

_MODELS: Final = 1_000  # sets of properties that are kept read; devices of one model have the same


class Described:
    """A device's description. Devices of which nobody has said anything have none.

    Args:
        doc: as it is stored (devices.models.Description.doc).
    """

    __slots__ = ("_doc", "_kept", "_properties", "manners", "stale_after_s")

    def __init__(self, doc: bytes) -> None:
        self._doc = doc
        self._kept: Kept | None = None
        self._mind(descriptions.load(doc))

    @property
    def kept(self) -> Kept:
        """What was said, which the caller may change by devices.rules.described.descriptions; to be stored then."""
        if self._kept is None:
            self._kept = descriptions.load(self._doc)
        return self._kept

    @property
    def expected(self) -> Mapping[str, Expected]:
        """What its values should be, by metric."""
        return _expected(self._properties)

    def stored(self) -> str:
        """The present transaction stores what was said as this."""
        kept = self.kept
        self._doc = descriptions.dump(kept)
        self._mind(kept)
        return self._doc.decode()

    def fold(self) -> None:
        """The transaction is committed: what it stored is all that is kept."""
        self._kept = None

    def _mind(self, kept: Kept) -> None:
        """Have at hand what is asked for with each message."""
        stale_after_s = kept.value.get("stale_after_s", 0)
        self.stale_after_s: int | None = None if stale_after_s == NEVER else stale_after_s  # 0: it doesn't say
        self._properties = json.encode(kept.value.get("properties", []))
        self.manners: dict[str, Manner] = {  # of those actions of which it says one
            one["name"]: Manner(one.get("ack", "exact"), one.get("retry", "until_ack"))
            for one in kept.value.get("actions", ())
            if one.get("ack", "exact") != "exact" or one.get("retry", "until_ack") != "until_ack"
        }


@lru_cache(_MODELS)
def _expected(properties: bytes) -> Mapping[str, Expected]:
    return expectations(json.decode(properties))
