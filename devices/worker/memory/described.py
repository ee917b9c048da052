"""What a worker keeps of what a device is said to be, between the rounds as the JSON that is stored."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from msgspec import Raw, Struct, field, json

from bridge.descriptions import Ack, Retry
from bridge.dialects.forms.description_words import NEVER, Words
from devices.rules.described import descriptions
from devices.rules.described.descriptions import Kept
from devices.rules.described.values import Expected, expectations
from devices.worker.rules.ways import Manner

_MODELS: Final = 1_000  # sets of properties that are kept read; devices of one model have the same


class _Action(Struct):
    name: str
    ack: Ack = "exact"
    retry: Retry = "until_ack"


class _Value(Struct):
    stale_after_s: Any = 0
    properties: Raw = Raw(b"[]")
    actions: list[_Action] = []


class _Document(Struct):
    value: _Value = field(default_factory=_Value)


class _Head(Struct):
    """The little of a stored description that is looked at with each message. The rest is skipped."""

    document: _Document = field(default_factory=_Document)


_encode: Final = json.Encoder().encode
_head: Final = json.Decoder(_Head).decode


class Described:
    """A device's description. Devices of which nobody has said anything have none.

    Args:
        doc: as it is stored (devices.models.Description.doc).
    """

    __slots__ = ("_doc", "_kept", "_properties", "_said", "manners", "stale_after_s")

    def __init__(self, doc: bytes) -> None:
        self._doc = doc
        self._kept: Kept | None = None
        self._said = b""  # digest of what its dialect has said last; empty: that wasn't looked for
        self._mind()

    def has_said(self, words: Words) -> bool:
        """Whether its dialect has said just that before; if not, it does so now. Mostly told without reading all."""
        digest = blake2b(_encode(words), digest_size=16).digest()
        known, self._said = self._said == digest, digest
        return known or words == self.kept.dialect

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

    @property
    def folded_name(self) -> str:
        """What the device is found by beside its key; empty: nobody has given it a name."""
        return str(self.kept.value.get("name", "")).casefold()

    def stored(self) -> str:
        """The present transaction stores what was said as this."""
        self._doc = descriptions.dump(self.kept)
        self._mind()
        return self._doc.decode()

    def fold(self) -> None:
        """The transaction is committed: what it stored is all that is kept."""
        self._kept = None

    def _mind(self) -> None:
        """Have at hand what is asked for with each message."""
        value = _head(self._doc).document.value
        self.stale_after_s: int | None = None if value.stale_after_s == NEVER else value.stale_after_s  # 0: not said
        self._properties = bytes(value.properties)
        self.manners: dict[str, Manner] = {  # of those actions of which it says one
            one.name: Manner(one.ack, one.retry)
            for one in value.actions
            if one.ack != "exact" or one.retry != "until_ack"
        }


@lru_cache(_MODELS)
def _expected(properties: bytes) -> Mapping[str, Expected]:
    return expectations(json.decode(properties))
