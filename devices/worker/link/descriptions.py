"""The feature of what devices are said to be: stored with whatever says so, in its transaction."""

from collections.abc import Sequence
from typing import Any, Final

from bridge.dialects.forms.description_words import WrongWordError, words_of, words_of_description
from bridge.observations import Described as Said
from bridge.observations import Telemetry
from devices.models import Description
from devices.rules.described import descriptions, notes
from devices.rules.described.values import unexpected
from devices.rules.reducer import Outcome
from devices.rules.requested import Refused
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects
from devices.worker.memory.bulk_writes import Table
from devices.worker.memory.described import Described
from devices.worker.memory.shard import Member

CHANGED: Final = "descriptions"  # in Effects.noted: what was said is other than what is stored
_SAID: Final = ("doc", "folded_name")
_ROWS: Final = Table(Description, ("device", *_SAID), ("device",), _SAID)
_EMPTY: Final = b"{}"


class DescriptionsFeature(Feature):
    """Stores what has changed. What is said comes as a message of a device's, or as a request."""

    name = CHANGED
    minds_readings = False

    def store(self, effects: Sequence[Effects]) -> None:
        """Write those that have changed."""
        changed = (one.member for one in effects if CHANGED in one.noted)
        _ROWS.write([(one.id, one.described.stored(), one.described.folded_name) for one in changed if one.described])


def said(what: Said, dialect: str, effects: Effects, most_properties: int, *, live: bool) -> None:
    """A device, or its dialect, says what it is.

    Args:
        what: they say.
        dialect: by whom.
        effects: of the device; takes whether that is news.
        most_properties: how many there may be.
        live: the broker had not kept it from before.
    """
    member = effects.member
    words = words_of_description(what.description, most_properties)
    if words.get("via") == member.key:
        del words["via"]  # nothing is reached through itself
    if what.own:
        _settle(effects, lambda kept: descriptions.device_said(kept, words, member.twin, live=live))
    else:
        spoken = {"dialect": dialect, **words}
        described = member.described or Described(_EMPTY)
        if described.has_said(spoken):
            return  # as so often: a bridge lists all its devices again at each change of one
        descriptions.dialect_said(described.kept, spoken, member.twin)
        _changed(described, effects)


def compare(telemetry: Telemetry, member: Member, outcome: Outcome, at_ms: int) -> None:
    """Note which values are not as they should be by what the device is said to be.

    Args:
        telemetry: what it sent.
        member: the device.
        outcome: of that; takes the notes.
        at_ms: Unix ms; when it was received.
    """
    if outcome.outcome == "rejected" or not member.described or not (expected := member.described.expected):
        return
    more = unexpected(telemetry.readings, expected)
    if more:
        notes.keep(member.twin, more, at_ms)
        outcome.notes += more


def put(body: dict[str, Any], effects: Effects, most_properties: int) -> Refused | dict[str, Any]:
    """A person says what the device is: what a request of the kind ``description`` asks for."""
    member, version = effects.member, body.get("if_version")
    if version is not None and version != member.twin.described_rev:
        return Refused("conflict", f"the description is at version {member.twin.described_rev}, not {version}")
    try:
        words = words_of(body.get("words"), most_properties, member.key)
    except WrongWordError as wrong:
        return Refused("bad_request", str(wrong))
    _settle(effects, lambda kept: descriptions.put(kept, words, member.twin))
    return {
        "version": member.twin.described_rev,
        "description": member.described.kept.value if member.described else {},
    }


def _settle(effects: Effects, say: Any) -> None:
    """Have it said, and stored where anything has changed, be it unseen."""
    member: Member = effects.member
    described = member.described or Described(_EMPTY)
    before = descriptions.dump(described.kept)
    say(described.kept)
    if descriptions.dump(described.kept) != before:
        _changed(described, effects)


def _changed(described: Described, effects: Effects) -> None:
    effects.member.described = described
    effects.note(CHANGED, True)
