"""Whether entities are available, and so whether their device is there: if any of them is."""

from collections.abc import Iterable, Mapping
from typing import Final

from bridge.dialects.homeassistant.model import Availability, Entity
from bridge.dialects.homeassistant.states import Payload

MOST_CHARS: Final = 512  # of a payload that is remembered

Heard = Mapping[str, tuple[int, str]]


def available(entity: Entity, heard: Heard) -> bool | None:
    """By its topics and its mode; None: it has none, or they didn't say yet."""
    said = [(heard[one.topic][0], _said(one, heard[one.topic][1])) for one in entity.availability if one.topic in heard]
    known = [(number, word) for number, word in said if word is not None]
    words = [word for _, word in known]
    if not words:
        return None
    match entity.mode:
        case "all":
            return False if False in words else True if len(words) == len(entity.availability) else None
        case "any":
            return True if True in words else False if len(words) == len(entity.availability) else None
    return max(known)[1]


def device_available(entities: Iterable[Entity], heard: Heard) -> bool | None:
    """Whether any entity of a device is; None: none of them says."""
    said = [one for one in (available(entity, heard) for entity in entities) if one is not None]
    return any(said) if said else None


def _said(one: Availability, payload: str) -> bool | None:
    text = Payload(payload.encode(errors="replace")).rendered(one.template)
    if text == one.yes:
        return True
    return False if text == one.no else None


def with_heard(heard: Heard, topic: str, text: str) -> dict[str, tuple[int, str]]:
    """What was heard, with this as the newest."""
    newest = max((number for number, _ in heard.values()), default=0)
    return {**heard, topic: (newest + 1, text)}
