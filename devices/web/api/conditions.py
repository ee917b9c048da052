"""Conditions of RFC 9110: If-Match and If-None-Match against a version, whose ETag is ``"7"``. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from devices.requests.refusals import BadRequestError

# RFC 9110 8.8.3: entity-tag = [ weak ] opaque-tag; 13.1.1: If-Match = "*" / #entity-tag (empty elements are allowed)
_TAG: Final = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_LIST: Final = re.compile(rf"[ \t]*(?:,[ \t]*)*{_TAG}(?:[ \t]*,(?:[ \t]*{_TAG})?)*[ \t]*\Z")
_PLAIN: Final = re.compile(r"[0-9]{1,18}\Z")
_MAX_TAGS: Final = 100


@dataclass(frozen=True, slots=True)
class Tags:
    """A condition's tags. ``any``: ``*``, whatever there is."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    any: bool = False

    def match_strongly(self, version: int) -> bool:
        """RFC 9110 8.8.3.2; for If-Match. A weak tag never matches."""
        return self.any or str(version) in self.strong

    def match_weakly(self, version: int) -> bool:
        """The same; for If-None-Match."""
        return self.any or str(version) in self.strong | self.weak


def unmet(what: str, current: int, if_match: str | None, if_none_match: str | None) -> str | None:
    """Why a condition does not hold for the version that there is of something; None: all hold.

    Raises:
        BadRequestError: a header is neither ``*`` nor a list of entity tags.
    """
    if if_match is not None and not tags_of("If-Match", if_match).match_strongly(current):
        return f"{what} is at version {current}, which If-Match does not name"
    if if_none_match is not None and tags_of("If-None-Match", if_none_match).match_weakly(current):
        return f"{what} is at version {current}, which If-None-Match names"
    return None


def tags_of(name: str, value: str) -> Tags:
    """Of a header's value; a bare number counts as that version's tag.

    Raises:
        BadRequestError: it is neither ``*`` nor a list of entity tags.
    """
    text = value.strip(" \t")
    if text == "*":
        return Tags(any=True)
    if _PLAIN.match(text):
        return Tags(frozenset([text]))
    found = re.findall(_TAG, text) if len(text) <= 4096 and _LIST.match(text) else []
    if not found or len(found) > _MAX_TAGS:
        raise BadRequestError(f'{name}: write the version as the ETag has it, like "3", or "3","4", or *')
    return Tags(
        frozenset(tag for weak, tag in found if not weak),
        frozenset(tag for weak, tag in found if weak),
    )
