"""What a device is, from three sources: a person's word beats the device's, that beats its dialect's, field by field.

Each source's words are kept (bridge.dialects.forms.description_words), and what they come to together as a document
that remembers which rev set each of its members: so browsers are sent what has changed, like the rest of a twin.
Properties are put together member by member, too; each says in ``set_by`` which is the first source that speaks of it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from bridge.dialects.forms.description_words import FIELDS, READ_ONLY, Words
from devices.rules import documents
from devices.rules.documents import Document
from devices.rules.twin import TwinState

Source = Literal["person", "device", "dialect"]
SOURCES: Final[tuple[Source, ...]] = ("person", "device", "dialect")  # the first one's word counts
_WHOLE: Final = (*(name for name in FIELDS if name != "properties"), *READ_ONLY[:-1])  # fields that are no list of such
_NOT_SAID: Final[tuple[object, ...]] = (None, [], "")
_BRIEF: Final = ("name", "model")
_BRIEF_PROPERTY: Final = ("metric", "label", "unit", "diagnostic")


class Kept(Struct, omit_defaults=True):
    """All that is known of what a device is. Mutable: the shard worker owns it."""

    person: Words = field(default_factory=dict)
    device: Words = field(default_factory=dict)
    dialect: Words = field(default_factory=dict)
    live: bool = False  # the device has said its words live: retained ones only fill them
    document: Document = field(default_factory=Document)

    @property
    def value(self) -> dict[str, Any]:
        """The description as people see it; empty: nothing is known."""
        return self.document.value


dump: Final[Callable[[Kept], bytes]] = msgspec.json.Encoder().encode
load: Final[Callable[[bytes | str], Kept]] = msgspec.json.Decoder(Kept).decode


# What is said ----------------------------------------------------------------------------------------------------


def put(kept: Kept, words: Words, twin: TwinState) -> bool:
    """A person says these words, and takes those back that are None. Whether the description has changed.

    What somebody else says just so stays theirs, unless it is a person's already: who sends back what was read, with a
    word of their own, has said that word.
    """
    words = _news(words, kept.person, merged({"person": {}, "device": kept.device, "dialect": kept.dialect}))
    kept.person = {name: value for name, value in (kept.person | words).items() if value not in _NOT_SAID}
    return _settle(kept, twin)


def _news(words: Words, mine: Words, others: dict[str, Any]) -> Words:
    """Of a person's words those that are theirs: said before (``mine``), or not what ``others`` say."""
    theirs = {one["metric"]: one for one in others.get("properties", [])}
    before = {one["metric"]: one for one in mine.get("properties", [])}
    news = {}
    for name, value in words.items():
        if name == "properties" and value:
            each = [_own(one, before.get(one["metric"], {}), theirs.get(one["metric"])) for one in value]
            news[name] = [one for one in each if one]
        elif name in mine or value is None or name not in others or not documents.same(value, others[name]):
            news[name] = value
    return news


def _own(one: Words, mine: Words, theirs: Words | None) -> Words:
    """The same of a property; empty: all of it is others'."""
    if theirs is None:
        return one
    own = {
        name: value
        for name, value in one.items()
        if name != "metric" and (name in mine or name not in theirs or not documents.same(value, theirs[name]))
    }
    return {"metric": one["metric"], **own} if own else {}


def device_said(kept: Kept, words: Words, twin: TwinState, *, live: bool) -> bool:
    """The device says what it is; ``live`` False: the broker had kept that, and it fills only what is not said."""
    words = {name: value for name, value in words.items() if value not in _NOT_SAID}
    if live or not kept.live:
        kept.device = words
    else:
        kept.device = words | kept.device | _filled(kept.device, words)
    kept.live = kept.live or live
    return _settle(kept, twin)


def dialect_said(kept: Kept, words: Words, twin: TwinState) -> bool:
    """Its dialect says what it is; of one that is withdrawn, what was said before stays."""
    kept.dialect = kept.dialect | words if words.get("withdrawn") else words
    return _settle(kept, twin)


def _filled(known: Words, more: Words) -> Words:
    mine, theirs = known.get("properties", []), more.get("properties", [])
    names = {one["metric"] for one in mine}
    properties = [*mine, *(one for one in theirs if one["metric"] not in names)]
    return {"properties": properties} if properties else {}


def _settle(kept: Kept, twin: TwinState) -> bool:
    """Put them together anew; a change takes a rev."""
    patch = _difference(kept.document.value, merged({name: getattr(kept, name) for name in SOURCES}))
    changed = documents.changes(kept.document, patch)
    if not changed:
        return False
    twin.rev += 1
    twin.described_rev = twin.rev
    twin.record("description", *documents.as_patches(kept.document, changed))
    documents.apply(kept.document, changed, twin.rev)
    return True


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The merge patch from one to the other; no member is null."""
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := _difference(old, value):
                patch[name] = inner
        elif name not in before or not documents.same(old, value):
            patch[name] = value
    return patch


def merged(said: dict[Source, Words]) -> dict[str, Any]:
    """What the sources' words come to."""
    out: dict[str, Any] = {}
    set_by: dict[str, Source] = {}
    for name in _WHOLE:
        for source in SOURCES:
            if name in said[source]:
                out[name], set_by[name] = said[source][name], source
                break
    if properties := _properties(said):
        out["properties"] = properties
    return out | ({"set_by": set_by} if set_by else {})


def _properties(said: dict[Source, Words]) -> list[dict[str, Any]]:
    """In the order of the source that knows most of the device."""
    together: dict[str, dict[str, Any]] = {}
    for source in reversed(SOURCES):
        for one in said[source].get("properties", ()):
            together[one["metric"]] = {**together.get(one["metric"], {}), **one, "set_by": source}
    return list(together.values())


# What is sent ----------------------------------------------------------------------------------------------------


def brief(description: dict[str, Any]) -> dict[str, Any]:
    """Of a description, or of a merge patch of one, what a list of devices shows."""
    out: dict[str, Any] = {name: description[name] for name in _BRIEF if name in description}
    if "properties" in description:
        out["properties"] = _brief_properties(description["properties"])
    return out


def _brief_properties(properties: Iterable[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    if properties is None:
        return None
    return [{name: one[name] for name in _BRIEF_PROPERTY if name in one} for one in properties]
